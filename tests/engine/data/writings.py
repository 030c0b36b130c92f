"""Paragraphs in several languages, written for these tests, long enough to tell an encoding by."""

ENGLISH = """\
The ferry left at seven, half an hour late, and nobody on the quay seemed to mind. Anna stood at the rail with
her suitcase between her feet and watched the town grow small. She had lived there for nineteen years and could
have named every roof. When the lighthouse disappeared behind the headland she went inside, ordered tea, and
began the letter that she had put off all winter.
"""

CHINESE = """\
清晨的雾还没有散，老张已经把船推到了水边。他在这条河上摆渡了三十年，哪一块石头露出水面，哪一段水流最急，他都记
得清清楚楚。今天要过河的只有一个年轻人，背着一个旧书包，手里拿着一封信。“去对岸的学校吗？”老张问。年轻人点点
头，说他是新来的老师，第一次到这个地方来。船慢慢离开岸边，水面上只听得见桨声。老张说，村里的孩子们等了整整一个
夏天，每天都到河边来看，看有没有人带着书过来。年轻人没有说话，只是把书包抱得更紧了一些。等船靠岸的时候，雾散了
，岸上站着十几个孩子，谁也不出声，都在看着他笑。
"""

TRADITIONAL_CHINESE = """\
清晨的霧還沒有散，老張已經把船推到了水邊。他在這條河上擺渡了三十年，哪一塊石頭露出水面，哪一段水流最急，他都記
得清清楚楚。今天要過河的只有一個年輕人，背著一個舊書包，手裡拿著一封信。「去對岸的學校嗎？」老張問。年輕人點點
頭，說他是新來的老師，第一次到這個地方來。船慢慢離開岸邊，水面上只聽得見槳聲。老張說，村裡的孩子們等了整整一個
夏天，每天都到河邊來看，看有沒有人帶著書過來。年輕人沒有說話，只是把書包抱得更緊了一些。等船靠岸的時候，霧散了
，岸上站著十幾個孩子，誰也不出聲，都在看著他笑。
"""

JAPANESE = """\
朝の霧がまだ晴れないうちに、渡し守の老人は舟を水辺まで押し出していた。この川で三十年も舟をこいできたので、どの
石が水の上に顔を出すか、どこの流れがいちばん速いか、すっかり覚えている。今日の客は若い男がひとりだけで、古いか
ばんを背負い、手に一通の手紙を持っていた。「向こう岸の学校へ行くのかね」と老人がたずねると、男はうなずいて、新
しい先生として初めてここへ来たのだと言った。舟はゆっくりと岸を離れ、川の上にはオールの音だけが聞こえた。村の子
どもたちは夏のあいだずっと待っていて、毎日のように川まで見に来ていたのだという。舟が着くころには霧も晴れて、岸
には十人ほどの子どもが立ち、だれも声を出さずににこにこと笑っていた。
"""

RUSSIAN = """\
Паром отошёл от берега в семь часов, с опозданием на полчаса, и никто на пристани, казалось, этого не заметил.
Анна стояла у борта, поставив чемодан между ног, и смотрела, как уменьшается город. Она прожила здесь
девятнадцать лет и могла бы назвать каждую крышу. Когда маяк скрылся за мысом, она вошла внутрь, заказала чай и
начала письмо, которое откладывала всю зиму. «Дорогой брат, — писала она, — ты, наверное, удивишься, получив от
меня весть после такого долгого молчания». За окном тянулась серая вода, и чайки кричали над самой палубой,
будто спорили о чём-то очень важном.
"""

FRENCH = """\
Le bac partit à sept heures, avec une demi-heure de retard, et personne sur le quai n’eut l’air de s’en étonner.
Anne était debout près du bastingage, sa valise entre les pieds, et regardait la ville rapetisser. Elle y avait
vécu dix-neuf années et aurait pu nommer chaque toit. Quand le phare eut disparu derrière la pointe, elle
rentra, commanda un thé et commença la lettre qu’elle avait différée tout l’hiver. « Mon cher frère, écrivit-
elle, tu seras sans doute surpris de recevoir de mes nouvelles après un si long silence… » Dehors, l’eau était
grise ; les mouettes criaient au-dessus du pont comme si elles débattaient d’une chose très sérieuse.
"""

GERMAN = """\
Die Fähre legte um sieben ab, eine halbe Stunde zu spät, und niemand am Kai schien sich daran zu stören. Anna
stand an der Reling, den Koffer zwischen den Füßen, und sah zu, wie die Stadt kleiner wurde. Neunzehn Jahre
hatte sie dort gelebt und hätte jedes Dach benennen können. Als der Leuchtturm hinter der Landzunge verschwand,
ging sie hinein, bestellte Tee und begann den Brief, den sie den ganzen Winter über aufgeschoben hatte. Draußen
war das Wasser grau, und die Möwen schrien über dem Deck, als stritten sie über etwas sehr Wichtiges.
"""

SPANISH = """\
El transbordador salió a las siete, con media hora de retraso, y a nadie en el muelle pareció importarle. Ana
estaba junto a la barandilla, con la maleta entre los pies, y miraba cómo la ciudad se hacía pequeña. Había
vivido allí diecinueve años y habría podido nombrar cada tejado. Cuando el faro desapareció detrás del cabo,
entró, pidió un té y empezó la carta que había aplazado todo el invierno. ¿Qué dirá mi hermano mañana, pensó,
después de un silencio tan largo?
"""

POLISH = """\
Prom odpłynął o siódmej, pół godziny za późno, i nikt na nabrzeżu zdawał się tym nie przejmować. Anna stała przy
relingu, z walizką między stopami, i patrzyła, jak miasto maleje. Mieszkała tam dziewiętnaście lat i mogłaby
nazwać każdy dach. Kiedy latarnia morska zniknęła za cyplem, weszła do środka, zamówiła herbatę i zaczęła list,
który odkładała przez całą zimę. Na zewnątrz woda była szara, a mewy krzyczały nad pokładem, jakby kłóciły się o
coś bardzo ważnego.
"""

CZECH = """\
Přívoz odplul v sedm hodin, o půl hodiny později, a nikomu na nábřeží to zřejmě nevadilo. Anna stála u zábradlí,
kufr mezi nohama, a dívala se, jak se město zmenšuje. Žila tam devatenáct let a dokázala by pojmenovat každou
střechu. Když maják zmizel za výběžkem, vešla dovnitř, objednala si čaj a začala psát dopis, který celou zimu
odkládala. Venku byla voda šedivá a racci křičeli nad palubou, jako by se přeli o něco velmi důležitého.
"""

GREEK = """\
Το πλοίο έφυγε στις επτά, με μισή ώρα καθυστέρηση, και κανείς στην προκυμαία δεν φάνηκε να ενοχλείται. Η Άννα
στεκόταν στην κουπαστή, με τη βαλίτσα ανάμεσα στα πόδια της, και κοίταζε την πόλη να μικραίνει. Είχε ζήσει εκεί
δεκαεννέα χρόνια και θα μπορούσε να ονομάσει κάθε στέγη. Όταν ο φάρος χάθηκε πίσω από το ακρωτήρι, μπήκε μέσα
και ζήτησε τσάι.
"""

KOREAN = """\
아침 안개가 아직 걷히지 않았을 때 뱃사공 노인은 벌써 배를 물가로 밀어 놓았다. 그는 이 강에서 삼십 년 동안
배를 저었고 어느 돌이 물 위로 나오는지, 어디의 물살이 가장 빠른지 모두 기억하고 있었다. 오늘 강을 건널
사람은 젊은이 하나뿐이었는데, 낡은 가방을 메고 손에는 편지 한 통을 들고 있었다. “건너편 학교에 가시오?”
하고 노인이 묻자 젊은이는 고개를 끄덕이며 새로 온 선생이라고 했다.
"""

UKRAINIAN = """\
Пором відійшов від берега о сьомій, із запізненням на пів години, і ніхто на пристані, здавалося, цього не
помітив. Ганна стояла біля борту, поставивши валізу між ногами, і дивилася, як меншає місто. Вона прожила тут
дев'ятнадцять років і могла б назвати кожен дах. Коли маяк зник за мисом, вона зайшла всередину, замовила чай і
почала лист, який відкладала цілу зиму. За вікном тяглася сіра вода, і чайки кричали над самою палубою.
"""
