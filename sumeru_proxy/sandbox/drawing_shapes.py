"""The things in the pictures, drawn as SVG around (400, 420), standing on y = 670."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paint:
    """Four tones of one colour, ``#rrggbb``."""

    main: str
    dark: str
    light: str
    pale: str


def _path(d: str, fill: str, more: str = "") -> str:
    return f'<path d="{d}" fill="{fill}" {more}/>'


def _line(d: str, colour: str, width: int = 8, more: str = "") -> str:
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" {more}/>'


def _box(x: int, y: int, width: int, height: int, radius: int, fill: str, more: str = "") -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{fill}" {more}/>'


def _oval(x: int, y: int, rx: int, ry: int, fill: str, more: str = "") -> str:
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}" {more}/>'


def _backpack(p: Paint) -> str:
    return (
        _line("M350 200 C350 140 450 140 450 200", p.dark, 18)
        + _path("M262 300 C215 340 205 480 232 600 L275 600Z", p.dark)
        + _path("M538 300 C585 340 595 480 568 600 L525 600Z", p.dark)
        + _path(
            "M250 330 C250 220 320 185 400 185 S550 220 550 330 V610 Q550 668 492 668 H308 Q250 668 250 610Z", p.main
        )
        + _path("M250 330 C250 220 320 185 400 185 S550 220 550 330 V372 Q400 420 250 372Z", p.light)
        + _box(300, 470, 200, 150, 26, p.dark, 'opacity=".55"')
        + _box(300, 462, 200, 150, 26, p.light)
        + _line("M318 500 H482", p.dark, 6)
        + _box(332, 350, 22, 96, 8, "#8a5a34")
        + _box(446, 350, 22, 96, 8, "#8a5a34")
        + _box(328, 408, 30, 22, 5, "#e8cf8f")
        + _box(442, 408, 30, 22, 5, "#e8cf8f")
        + _box(372, 536, 56, 34, 6, p.pale)
    )


def _tote(p: Paint) -> str:
    return (
        _line("M310 330 C310 150 490 150 490 330", "#8a5a34", 20)
        + _path("M220 320 H580 L610 628 Q612 668 570 668 H230 Q188 668 190 628Z", p.main)
        + _path("M220 320 H580 L585 372 H215Z", p.dark, 'opacity=".5"')
        + _path("M196 566 H604 L610 628 Q612 668 570 668 H230 Q188 668 190 628Z", "#8a5a34")
        + _box(296, 318, 28, 70, 8, "#74492a")
        + _box(476, 318, 28, 70, 8, "#74492a")
        + _path("M330 520 L378 442 L406 486 L428 456 L470 520Z", p.pale)
    )


def _pouch(p: Paint) -> str:
    return (
        _line("M560 430 C660 420 660 560 590 590", "#8a5a34", 14)
        + _path(
            "M200 420 Q200 380 240 376 L560 376 Q600 380 600 420 L590 610 Q586 660 540 664 H260 Q214 660 210 610Z",
            p.main,
        )
        + _path("M200 420 Q200 380 240 376 L560 376 Q600 380 600 420 L597 470 H203Z", p.light)
        + _line("M226 470 H574", p.dark, 10)
        + _path("M540 470 l34 44 l-24 8Z", "#e8cf8f")
        + _box(350, 540, 100, 60, 10, p.dark, 'opacity=".6"')
        + _line("M368 582 L392 556 L408 572 L430 552", p.pale, 6)
    )


def _mug(p: Paint) -> str:
    return (
        _line("M340 250 C320 220 360 200 340 165 M400 240 C380 210 420 190 400 150 M460 250 C440 220 480 200 460 165",
              "#ffffff", 10, 'opacity=".75"')
        + _line("M545 390 C660 380 660 570 540 560", p.dark, 34)
        + _path("M240 320 H560 V600 Q560 668 492 668 H308 Q240 668 240 600Z", p.main)
        + _path("M240 320 H330 V668 H308 Q240 668 240 600Z", p.light, 'opacity=".5"')
        + _oval(400, 320, 160, 34, p.pale)
        + _oval(400, 326, 138, 24, "#5a3a25")
        + _path("M330 560 L384 470 L414 520 L438 486 L484 560Z", p.pale, 'opacity=".9"')
    )  # fmt: skip


def _pot(p: Paint) -> str:
    return (
        _path("M150 430 h70 v44 h-50 q-20 0 -20 -20Z M650 430 h-70 v44 h50 q20 0 20 -20Z", p.dark)
        + _path("M200 400 H600 V590 Q600 668 520 668 H280 Q200 668 200 590Z", p.main)
        + _path("M200 400 H290 V668 H280 Q200 668 200 590Z", p.light, 'opacity=".45"')
        + _path("M180 400 C190 300 610 300 620 400Z", p.light)
        + _box(170, 388, 460, 34, 17, p.dark)
        + _box(366, 286, 68, 24, 12, p.dark)
        + _oval(400, 276, 34, 26, "#8a5a34")
    )


def _bottle(p: Paint) -> str:
    return (
        _box(352, 150, 96, 74, 16, p.dark)
        + _line("M368 150 C368 100 432 100 432 150", p.dark, 14)
        + _path("M360 224 H440 V262 C500 290 520 330 520 380 V610 Q520 668 462 668 H338 Q280 668 280 610 V380 "
                "C280 330 300 290 360 262Z", p.main)
        + _path("M280 400 C280 330 300 290 360 262 V668 H338 Q280 668 280 610Z", p.light, 'opacity=".45"')
        + _box(280, 430, 240, 130, 0, p.pale, 'opacity=".92"')
        + _path("M334 534 L382 462 L408 500 L430 474 L468 534Z", p.main)
    )  # fmt: skip


def _lantern(p: Paint) -> str:
    return (
        _oval(400, 470, 250, 230, "#ffe9a8", 'opacity=".35"')
        + _line("M300 300 C300 120 500 120 500 300", p.dark, 14)
        + _path("M300 290 L350 220 H450 L500 290Z", p.main)
        + _box(286, 290, 228, 34, 12, p.dark)
        + _box(306, 324, 188, 280, 10, "#fff5d6", 'opacity=".9"')
        + _path("M400 400 C440 460 444 500 400 530 C356 500 360 460 400 400Z", "#f2a63a")
        + _path("M400 450 C420 484 420 506 400 520 C380 506 380 484 400 450Z", "#fff0b8")
        + _box(382, 528, 36, 76, 6, "#efe3cf")
        + _line("M316 324 V604 M484 324 V604", p.dark, 12)
        + _path("M276 600 H524 L548 668 H252Z", p.main)
    )


def _sweater(p: Paint) -> str:
    return (
        _path("M290 260 L180 330 Q150 352 156 400 L176 620 H250 L262 440 L280 668 H520 L538 440 L550 620 H624 L644 400 "
              "Q650 352 620 330 L510 260 Q400 320 290 260Z", p.main)
        + _path("M280 620 H520 L520 668 H280Z M174 590 H252 L250 626 H177Z M548 590 H626 L623 626 H550Z", p.dark)
        + _line("M300 262 Q400 350 500 262", p.dark, 26)
        + _line("M300 250 Q400 336 500 250", p.light, 8)
        + "".join(
            _line(f"M272 {y} l22 -22 l22 22 l22 -22 l22 22 l22 -22 l22 22 l22 -22 l22 22 l22 -22 l22 22 l22 -22 l14 14",
                  colour, 9)
            for y, colour in ((430, p.pale), (466, p.light), (502, p.pale))
        )
    )  # fmt: skip


def _jacket(p: Paint) -> str:
    return (
        _path("M300 250 C310 150 490 150 500 250 Q400 330 300 250Z", p.dark)
        + _path("M300 244 L180 320 Q150 342 156 392 L176 624 H254 L264 440 L272 668 H528 L536 440 L546 624 H624 L644 392 "
                "Q650 342 620 320 L500 244 L400 310Z", p.main)
        + _path("M300 244 L180 320 Q160 336 156 366 L268 400 L400 400 V310Z M500 244 L620 320 Q640 336 644 366 L532 400 "
                "L400 400 V310Z", p.light)
        + _line("M400 312 V666", p.dark, 10)
        + _box(392, 330, 16, 34, 6, "#e8cf8f")
        + _line("M300 540 L352 520 M500 540 L448 520", p.dark, 10)
        + _box(296, 430, 64, 40, 6, p.pale)
        + _path("M176 596 H254 V626 H177Z M546 596 H624 L623 626 H546Z", p.dark)
    )  # fmt: skip


def _beanie(p: Paint) -> str:
    ribs = "".join(_line(f"M{x} 540 V636", p.dark, 6, 'opacity=".5"') for x in range(240, 580, 32))
    return (
        _oval(400, 210, 66, 62, p.pale)
        + _path("M218 560 C210 330 300 236 400 236 S590 330 582 560Z", p.main)
        + _line("M300 540 C296 380 350 270 396 246 M500 540 C504 380 450 270 404 246 M400 540 V246", p.dark, 6,
                'opacity=".35"')
        + _path("M262 470 l34 -40 l34 40 l34 -40 l36 40 l34 -40 l34 40 l34 -40 l34 40 v26 H262Z", p.pale, 'opacity=".85"')
        + _box(200, 528, 400, 120, 34, p.light)
        + ribs
        + _box(452, 566, 70, 44, 6, "#8a5a34")
    )  # fmt: skip


def _blanket(p: Paint) -> str:
    layers = "".join(
        _box(190 + shift, y, 420, 74, 34, colour)
        for shift, y, colour in ((0, 594, p.dark), (6, 524, p.main), (-6, 454, p.light), (4, 384, p.main))
    )
    stripes = "".join(_box(x, 384, 16, 74, 0, p.pale, 'opacity=".8"') for x in (300, 336, 372))
    fringe = "".join(_line(f"M{x} 456 v40", p.pale, 7) for x in range(230, 590, 24))
    return layers + fringe + stripes + _path("M194 420 Q200 384 240 384 H300 V458 H228 Q196 456 194 420Z", p.light)


def _candle(p: Paint) -> str:
    return (
        _oval(400, 250, 150, 150, "#ffe9a8", 'opacity=".4"')
        + _path("M400 170 C446 240 448 284 400 310 C352 284 354 240 400 170Z", "#f2a63a")
        + _path("M400 226 C422 262 422 284 400 300 C378 284 378 262 400 226Z", "#fff0b8")
        + _line("M400 300 V352", "#3a2c20", 8)
        + _box(268, 340, 264, 328, 30, p.main)
        + _box(268, 340, 70, 328, 30, p.light, 'opacity=".5"')
        + _oval(400, 352, 132, 28, p.pale)
        + _box(312, 450, 176, 130, 8, "#fbf6ea")
        + _line("M340 490 H460 M360 520 H440", p.dark, 8)
        + _path("M382 562 L400 536 L418 562Z", p.main)
    )


def _cushion(p: Paint) -> str:
    return (
        _path("M190 290 Q400 330 610 290 Q570 480 610 668 Q400 630 190 668 Q230 480 190 290Z", p.main)
        + _path("M190 290 Q400 330 400 480 Q300 560 190 668 Q230 480 190 290Z", p.light, 'opacity=".4"')
        + "".join(
            _path(f"M{x} {y - 44} L{x + 44} {y} L{x} {y + 44} L{x - 44} {y}Z", colour)
            for x, y, colour in ((400, 480, p.pale), (300, 480, p.dark), (500, 480, p.dark), (400, 380, p.dark), (400, 580, p.dark))
        )
        + _line("M190 290 Q400 330 610 290 Q570 480 610 668 Q400 630 190 668 Q230 480 190 290Z", p.dark, 6,
                'stroke-dasharray="2 16"')
    )  # fmt: skip


def _vase(p: Paint) -> str:
    leaves = "".join(
        _path(f"M400 300 C{x} 260 {x - 20} 190 {x} 140 C{x + 40} 190 {x + 30} 250 400 300Z", "#6f8b5b")
        for x in (280, 360, 440, 510)
    )
    return (
        leaves
        + _line("M400 360 V190", "#56703f", 8)
        + _path("M340 330 H460 C450 400 540 440 540 540 Q540 668 440 668 H360 Q260 668 260 540 C260 440 350 400 340 330Z", p.main)
        + _path("M340 330 H380 C380 420 310 450 310 540 Q310 640 370 668 H360 Q260 668 260 540 C260 440 350 400 340 330Z",
                p.light, 'opacity=".55"')
        + _oval(400, 330, 60, 14, p.dark)
        + _line("M268 520 Q400 560 532 520", p.pale, 12)
    )  # fmt: skip


def _notebook(p: Paint) -> str:
    return (
        _box(262, 214, 310, 454, 18, p.dark)
        + _box(250, 204, 306, 452, 12, "#fbf6ea")
        + _box(238, 194, 306, 456, 18, p.main)
        + _box(238, 194, 58, 456, 18, p.dark, 'opacity=".55"')
        + _box(490, 194, 16, 456, 0, p.pale, 'opacity=".85"')
        + _box(326, 280, 140, 90, 8, "#fbf6ea")
        + _line("M348 312 H444 M348 340 H420", p.main, 7)
        + _path("M430 650 h22 v60 l-11 -14 l-11 14Z", "#b5482f")
    )


def _pen(p: Paint) -> str:
    return (
        '<g transform="rotate(38 400 420)">'
        + _box(364, 120, 72, 330, 30, p.main)
        + _box(364, 120, 24, 330, 12, p.light, 'opacity=".6"')
        + _box(364, 310, 72, 26, 0, "#e0b45c")
        + _line("M448 150 V290", "#e0b45c", 12)
        + _box(372, 440, 56, 100, 8, p.dark)
        + _path("M374 540 H426 L404 650 H396Z", "#e0b45c")
        + _line("M400 570 V640", "#6b4b1a", 4)
        + "</g>"
        + _line("M200 640 C280 600 330 690 400 640 S520 620 590 652", p.main, 9)
    )


SHAPES: dict[str, Callable[[Paint], str]] = {
    "backpack": _backpack,
    "tote": _tote,
    "pouch": _pouch,
    "mug": _mug,
    "pot": _pot,
    "bottle": _bottle,
    "lantern": _lantern,
    "sweater": _sweater,
    "jacket": _jacket,
    "beanie": _beanie,
    "blanket": _blanket,
    "candle": _candle,
    "cushion": _cushion,
    "vase": _vase,
    "notebook": _notebook,
    "pen": _pen,
}
