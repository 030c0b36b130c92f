"""How the window looks: two palettes, fonts, run colours, tinted icons and the style sheet made from one template.

`current()` is the theme of the application. Widgets that paint themselves ask it for colours and fonts when they paint
and connect `changed` to `update`; everything else follows by the style sheet. Sizes are pixels at 100 % text size and
pass through `Theme.pixels`, so that all text can be enlarged.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from PySide6.QtCore import QByteArray, QDir, QObject, QRectF, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from lmstudio_app.engine.resources import resources_folder

Mode = Literal["system", "light", "dark"]
MODES: tuple[Mode, ...] = ("system", "light", "dark")

TEXT_SIZES = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0)
"""The steps of Ctrl++ and Ctrl+-, as factors of the normal size."""

HINT, LABEL, BODY, TITLE = 11, 12, 13, 15
"""Text sizes in pixels: hints and ticks, labels, body, pane titles."""

TEXT_FAMILIES = ("Segoe UI", "SF Pro Text", "Inter", "Noto Sans", "DejaVu Sans")
MONO_FAMILIES = ("Cascadia Mono", "SF Mono", "DejaVu Sans Mono")
CHINESE_FAMILIES = ("Microsoft YaHei UI", "PingFang SC", "Noto Sans CJK SC", "WenQuanYi Micro Hei")


class Tokens(NamedTuple):
    """The colours of one palette, named by what they are for. Contrasts are calculated (WCAG)."""

    bg: str
    surface: str
    sunken: str
    hover: str
    sel: str
    line: str
    line2: str
    field: str
    text: str
    text2: str
    text3: str
    ink: str
    onink: str
    focus: str
    link: str
    ok: str
    ok_bg: str
    warn: str
    warn_bg: str
    err: str
    err_bg: str
    grid: str
    ref: str
    surprise: str
    """The tint of the least expected token; an expected one has the colour of its background."""
    weights: str
    """Name of the colour map for attention weights, as `pyqtgraph.colormap.get` knows it."""
    runs: tuple[str, ...]
    """Colours of runs 1–8; training is the first, validation the second."""


LIGHT = Tokens(
    bg="#F2F4F6", surface="#FFFFFF", sunken="#F7F8FA", hover="#E9ECEF", sel="#E7EFFA", line="#DDE2E7", line2="#C3CAD2",
    field="#8A949F", text="#15191E", text2="#4B545F", text3="#5D6773", ink="#1B2128", onink="#FFFFFF", focus="#0B5FD0",
    link="#0A58B8", ok="#17703F", ok_bg="#EAF6EF", warn="#835300", warn_bg="#FFF7E5", err="#B3261E", err_bg="#FDF1F0",
    grid="#ECEFF2", ref="#707A86", surprise="#F0A354", weights="CET-L17",
    runs=("#0072B2", "#C84600", "#008F68", "#B8559A", "#665200", "#5B4FC7", "#3C95CF", "#414B57"),
)  # fmt: skip

DARK = Tokens(
    bg="#0D0F12", surface="#15181C", sunken="#111417", hover="#22272D", sel="#1C2A3C", line="#282D34", line2="#3A414A",
    field="#697480", text="#E8EBEF", text2="#AAB3BE", text3="#8D97A3", ink="#E8EBEF", onink="#0F1215", focus="#6CB0FF",
    link="#7FBAFF", ok="#57C58D", ok_bg="#12271C", warn="#F1BC55", warn_bg="#292112", err="#FF8F86", err_bg="#2E1715",
    grid="#20252B", ref="#8D97A3", surprise="#6B3F14", weights="magma",
    runs=("#58B4EC", "#FF9149", "#3CC79A", "#DE7FBB", "#F4E58C", "#9A8CFF", "#9AD3F5", "#C9D1DA"),
)  # fmt: skip


def make_application(argv: Sequence[str]) -> QApplication:
    """The application, in the style that the palettes and the style sheet are made for. `argv` are options for Qt."""
    # As an option, because to ask for the style from Python costs a tenth of the time to the first paint.
    application = QApplication([*(argv or ["lmstudio-app"]), "-style", "Fusion"])
    application.setApplicationName("lmstudio-app")
    application.setApplicationDisplayName("LMStudio App")
    application.setDesktopFileName("lmstudio-app")
    current().restore()
    return application


class Theme(QObject):
    """The look of the application.

    Signals: `changed()` after the palette, the text size or the system's contrast changed and the style sheet was laid
    anew.
    """

    changed = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        self._mode: Mode = "system"
        self._scale = 1.0
        self._tokens = LIGHT
        self._icons: dict[tuple[str, str, int], QIcon] = {}
        self._icons_held = False
        self._fonts: dict[tuple[int, int, bool], QFont] = {}
        self._hints = application.styleHints()  # kept: what it hands out lives no longer than this wrapper of it
        self._hints.colorSchemeChanged.connect(self._follow_system)
        if (accessibility := self._accessibility()) is not None:
            accessibility.contrastPreferenceChanged.connect(self.apply)

    @property
    def mode(self) -> Mode:
        """What the person chose: follow the system, always light or always dark."""
        return self._mode

    @property
    def dark(self) -> bool:
        """Whether the dark palette is to be shown."""
        if self._mode == "system":
            return self._application.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return self._mode == "dark"

    @property
    def tokens(self) -> Tokens:
        """The palette that is shown."""
        return self._tokens

    @property
    def scale(self) -> float:
        """The text size as a factor of the normal one."""
        return self._scale

    def set_mode(self, mode: Mode) -> None:
        """Show another palette from now on, and remember it."""
        self._mode = mode
        self._remember()
        self.apply()

    def toggle(self) -> None:
        """From light to dark or back."""
        self.set_mode("light" if self.dark else "dark")

    def set_scale(self, scale: float) -> None:
        """Show all text at another size (1.0 is normal), and remember it."""
        self._scale = min(max(scale, TEXT_SIZES[0]), TEXT_SIZES[-1])
        self._remember()
        self.apply()

    def enlarge(self, steps: int) -> None:
        """Go up (or down) `steps` sizes; 0 returns to the normal one."""
        nearest = min(range(len(TEXT_SIZES)), key=lambda i: abs(TEXT_SIZES[i] - self._scale))
        wanted = nearest + steps if steps else TEXT_SIZES.index(1.0)
        self.set_scale(TEXT_SIZES[min(max(wanted, 0), len(TEXT_SIZES) - 1)])

    def restore(self) -> None:
        """Take up the remembered palette and text size; call once, before the first window."""
        stored = preferences()
        mode = stored.value("theme", "system")
        self._mode = mode if mode in MODES else "system"
        try:
            scale = float(str(stored.value("text_size", 1.0)))
        except ValueError:
            scale = 1.0
        self._scale = scale if TEXT_SIZES[0] <= scale <= TEXT_SIZES[-1] else 1.0
        self.apply()

    def apply(self) -> None:
        """Lay palette, font and style sheet over the application. Widgets re-polish by themselves."""
        self._icons.clear()
        self._fonts.clear()
        self._tokens = DARK if self.dark else LIGHT
        self._application.setFont(self.font())
        # Taken off first: over another sheet Qt would lay the new one once for each ancestor of each widget.
        self._application.setStyleSheet("")
        if self._high_contrast():
            self._application.setPalette(self._application.style().standardPalette())
        else:
            QDir.setSearchPaths("theme", [str(resources_folder() / "themes" / ("dark" if self.dark else "light"))])
            self._application.setPalette(_palette(self.tokens))
            self._application.setStyleSheet(self.style_sheet())
        self.changed.emit()

    def hold_icons(self) -> None:
        """Leave the place of every icon blank until `draw_icons`: the first paint is quicker without them."""
        self._icons_held = True

    def draw_icons(self) -> None:
        """Draw the icons that were held back, if they were."""
        if not self._icons_held:
            return
        self._icons_held = False
        self._icons.clear()
        self.changed.emit()

    def color(self, token: str) -> QColor:
        """The colour of a token of the table in `Tokens`."""
        return QColor(getattr(self.tokens, token))

    def run_color(self, index: int) -> QColor:
        """The colour of run `index`, counted from 0; after eight they repeat, so dash and marker must differ too."""
        return QColor(self.tokens.runs[index % len(self.tokens.runs)])

    def pixels(self, size: float) -> int:
        """`size` pixels at the present text size, rounded."""
        return round(size * self._scale)

    def font(self, size: int = BODY, weight: int = 400, *, mono: bool = False) -> QFont:
        """The text font (or the one for model text) at `size` pixels before enlarging, with figures of equal width."""
        key = (size, weight, mono)
        if key not in self._fonts:
            font = QFont()
            font.setFamilies(_families(mono))
            font.setPixelSize(self.pixels(size))
            font.setWeight(QFont.Weight(weight))
            font.setFeature(QFont.Tag("tnum"), 1)
            self._fonts[key] = font
        return QFont(self._fonts[key])

    def icon(self, name: str, token: str = "text", size: int = 16) -> QIcon:
        """The bundled icon `name` in the colour of `token`, crisp on the finest screen there is."""
        key = (name, token, size)
        if key not in self._icons:
            self._icons[key] = QIcon(self.pixmap(name, token, size, self._application.devicePixelRatio()))
        return self._icons[key]

    def pixmap(self, name: str, token: str = "text", size: int = 16, ratio: float = 1.0) -> QPixmap:
        """The bundled icon drawn at `size` pixels before enlarging, for a screen of `ratio` device pixels per pixel."""
        side = self.pixels(size)
        pixmap = QPixmap(QSize(side, side) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        if self._icons_held:
            return pixmap
        from PySide6.QtSvg import QSvgRenderer

        drawing = _drawing(name).replace("currentColor", self.color(token).name())
        painter = QPainter(pixmap)
        QSvgRenderer(QByteArray(drawing.encode())).render(painter, QRectF(0, 0, side, side))
        painter.end()
        return pixmap

    def style_sheet(self) -> str:
        """The style sheet. In its template `@name` is a token's colour (`@mono` font families), `@13` a size."""
        colours = {name: str(value) for name, value in self.tokens._asdict().items()}
        colours["training"], colours["validation"] = self.tokens.runs[:2]
        colours["mono"] = ", ".join(f'"{name}"' for name in _families(True))

        def fill(match: re.Match[str]) -> str:
            word = match.group(1)
            return f"{self.pixels(float(word))}px" if word[0].isdigit() else colours[word]

        return re.sub(r"@(\w+)", fill, _template())

    def _accessibility(self) -> Any:
        """What the system says of contrast; None before Qt 6.10."""
        ask = getattr(self._hints, "accessibility", None)
        return None if ask is None else ask()

    def _high_contrast(self) -> bool:
        accessibility = self._accessibility()
        return accessibility is not None and accessibility.contrastPreference() == Qt.ContrastPreference.HighContrast

    def _follow_system(self) -> None:
        if self._mode == "system":
            self.apply()

    def _remember(self) -> None:
        stored = preferences()
        stored.setValue("theme", self._mode)
        stored.setValue("text_size", self._scale)


_themes: list[Theme] = []


def current() -> Theme:
    """The theme of the running application, made on first use. Raises `RuntimeError` where there is no application."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("the theme needs a QApplication")
    if not _themes:  # findChild would do too, but its first call costs as much as painting the window
        theme = Theme(application)
        _themes.append(theme)
        theme.destroyed.connect(_themes.clear)
    return _themes[0]


def preferences() -> QSettings:
    """What a person chose for every workspace: theme, text size, the last workspace."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "lmstudio-app", "window")


def _palette(tokens: Tokens) -> QPalette:
    role = QPalette.ColorRole
    colours = {
        role.Window: tokens.bg, role.WindowText: tokens.text, role.Base: tokens.surface, role.Text: tokens.text,
        role.AlternateBase: tokens.sunken, role.ToolTipBase: tokens.surface, role.ToolTipText: tokens.text,
        role.Button: tokens.surface, role.ButtonText: tokens.text, role.BrightText: tokens.err, role.Link: tokens.link,
        role.LinkVisited: tokens.link, role.Highlight: tokens.sel, role.HighlightedText: tokens.text,
        role.PlaceholderText: tokens.text3, role.Light: tokens.surface, role.Midlight: tokens.hover,
        role.Mid: tokens.line2, role.Dark: tokens.field, role.Shadow: tokens.line, role.Accent: tokens.focus,
    }  # fmt: skip
    palette = QPalette()
    for name, colour in colours.items():
        palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(tokens.text3))
    return palette


@cache
def _families(mono: bool) -> list[str]:
    system = QFontDatabase.SystemFont.FixedFont if mono else QFontDatabase.SystemFont.GeneralFont
    own = QFontDatabase.systemFont(system).families()
    wanted = [name for name in (MONO_FAMILIES if mono else TEXT_FAMILIES) if QFontDatabase.hasFamily(name)]
    chinese = [name for name in CHINESE_FAMILIES if QFontDatabase.hasFamily(name)]
    # macOS hides its system font behind a private name that only the font database knows.
    return [*own, *chinese] if sys.platform == "darwin" else [*wanted, *chinese, *own]


@cache
def _drawing(name: str) -> str:
    return (resources_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@cache
def _template() -> str:
    return (resources_folder() / "themes" / "window.qss").read_text(encoding="utf-8")
