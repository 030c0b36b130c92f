"""The recurrent family: RNN, LSTM, GRU."""
