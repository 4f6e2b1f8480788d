"""The names in a zip archive, also of one packed on a system of another alphabet.

Only names with a mark, or with their own copy in UTF-8 (Info-ZIP's extra field 0x7075), say how
they are written. All others are bytes of whatever alphabet the packer's system had, the same one in
the whole archive, so that they are read together: in the one encoding in which all of them are
possible, and most plausible. A handful of bytes is too little for the detectors that there are: of
52 lists of one to three folders' names in 12 alphabets, charset-normalizer 3.5 reads 23 and chardet
7.7 36 as they were written.
"""

import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.words.message import N_

_UTF8: Final = 0x800
_UNICODE_PATH: Final = 0x7075
# So many names are weighed, and so many bytes of each: more take time and tell no more.
_MOST_WEIGHED: Final = 300
_MOST_BYTES: Final = 255
# Readings that are less plausible than the best one by a factor of at most e to this power are
# offered beside it.
_DOUBTFUL: Final = 9.0
_MOST_OFFERED: Final = 5


@dataclass(frozen=True)
class Reading:
    """One way in which an archive's names can be read.

    Attributes:
        title: the alphabet, for people.
        names: of all entries, in their order.
    """

    title: str
    names: tuple[str, ...]


# Each encoding: Python's name for it, its alphabet for people, and how much less likely it is, in
# nats, than those that most people's systems write.
_ENCODINGS: Final[tuple[tuple[str, str, float], ...]] = (
    ("utf-8", N_("Unicode (UTF-8)"), 0.0),
    ("cp437", N_("Western European (DOS)"), 0.0),
    ("cp850", N_("Western European (DOS, 850)"), 0.0),
    ("gb18030", N_("Chinese, simplified (GBK)"), 0.0),
    ("cp932", N_("Japanese (Shift-JIS)"), 0.5),
    ("big5hkscs", N_("Chinese, traditional (Big5)"), 0.5),
    ("cp949", N_("Korean (EUC-KR)"), 0.5),
    ("cp866", N_("Cyrillic (DOS)"), 0.5),
    ("cp1252", N_("Western European (Windows)"), 1.0),
    ("cp1251", N_("Cyrillic (Windows)"), 1.0),
    ("cp852", N_("Central European (DOS)"), 1.5),
    ("cp1250", N_("Central European (Windows)"), 2.5),
    ("cp857", N_("Turkish (DOS)"), 2.5),
    ("cp737", N_("Greek (DOS)"), 1.5),
    ("cp1253", N_("Greek (Windows)"), 2.0),
    ("cp862", N_("Hebrew (DOS)"), 1.5),
    ("cp1255", N_("Hebrew (Windows)"), 2.0),
    ("cp720", N_("Arabic (DOS)"), 4.0),
    ("cp1256", N_("Arabic (Windows)"), 2.0),
    ("cp874", N_("Thai (Windows)"), 1.0),
    ("koi8-r", N_("Cyrillic (KOI8-R)"), 3.0),
    ("euc_jp", N_("Japanese (EUC)"), 4.0),
)
# Characters that names are often made of: those of the commonest words of fifty data sets' folders,
# and of running text. The exact choice matters little, for it only decides between encodings that
# are as plausible in all else.
_COMMON_HAN: Final = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过"
    "发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前"
    "开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最"
    "重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门"
    "任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数"
    "安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克干完许区八九零五六七百千万"
    "猫狗犬鸟鱼马牛羊猪鸡鸭兔虎龙蛇鼠熊狼象猴花草树木叶石火土云雨雪风光红黄蓝绿黑白灰紫色圆形角"
    "线星左右字母图片像照相测试训练验证类苹香蕉橙梨葡萄桃瓜杯碗盘刀车船飞桌椅书笔衣裤鞋帽包男爱"
    "春夏秋冬早晚夜犬黒馬鳥魚島國東車長門開學會來時對說這們貓鴨雞貝線綠藍紅黃圓蘋橘樹葉鐵紙"
)
_COMMON_HANGUL: Final = frozenset(
    "이다에의는로하을가고지서한은기으년대사시를리도인스일자정어나해보수아부전라제장그과주원상소선"
    "성안조공구미국관오비여유신모무트경들방연위동개산생교김내데만물반발학화회차우강양중진행용문계"
    "마면바배백본분세실심악야업역영예와외요운월음있적점족준질집찬참천체초추출치크타터테토통투파판"
    "편평포표품프피필형호혼활황희고양이강아지개사과바나나원각형곰새말돼닭소토끼호랑뱀꽃나무책손발눈"
    "코입귀남녀좌우위래상하큰작흰검빨노파초록란간색네세모동숫글림진훈련검증시험"
)
_RARE_ASCII: Final = {"\\": 5.0, **dict.fromkeys("[]{}|@^`~", 2.5)}
# How surprising a Latin letter outside of ASCII is, in nats.
_COMMON_LATIN: Final = {
    **dict.fromkeys("äöüéá", 2.0),
    **dict.fromkeys("ßèàçñíóåøêú", 2.8),
    **dict.fromkeys("âôîûëïãõæìòùœ", 3.6),
    **dict.fromkeys("čšžřěůýłąęćńśźżőűăşğıťďňđ", 3.8),
}


def readings(entries: Sequence[zipfile.ZipInfo]) -> tuple[Reading, ...]:
    """Read the names of an archive's entries: the most plausible reading, then likely others."""
    known = [_known_name(entry) for entry in entries]
    raw = [
        b"" if name is not None else _bytes_of(entry)
        for name, entry in zip(known, entries, strict=True)
    ]
    weighed = _pieces(raw)
    found: dict[tuple[str, ...], tuple[float, str, str]] = {}
    for encoding, title, unlikely in _ENCODINGS:
        try:
            # An encoding must read the parts that are weighed, and all names whole.
            pieces = tuple(piece.decode(encoding) for piece in weighed)
            for name in raw:
                name.decode(encoding)
        except UnicodeDecodeError:
            continue
        cost = unlikely + sum(_cost(piece, encoding) for piece in pieces)
        if pieces not in found or cost < found[pieces][0]:
            found[pieces] = cost, encoding, title
    ranked = sorted(found.values())
    # Where no encoding reads all bytes, DOS's first one has a letter for each.
    ranked = [one for one in ranked if one[0] < float("inf")] or [(0.0, "cp437", "")]
    likely = [one for one in ranked if one[0] - ranked[0][0] <= _DOUBTFUL][:_MOST_OFFERED]
    return tuple(
        Reading(
            title,
            tuple(
                name if name is not None else written.decode(encoding)
                for name, written in zip(known, raw, strict=True)
            ),
        )
        for _, encoding, title in likely
    )


def _known_name(entry: zipfile.ZipInfo) -> str | None:
    """Return the name of an entry that says how it is encoded; None where it does not."""
    if entry.flag_bits & _UTF8 or entry.orig_filename.isascii():
        return entry.orig_filename
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            # The copy counts only where its sum tells that the name was not changed since.
            if struct.unpack("<I", body[1:5])[0] != zlib.crc32(_bytes_of(entry)):
                continue
            try:
                return body[5:].decode()
            except UnicodeDecodeError:
                continue
    return None


def _bytes_of(entry: zipfile.ZipInfo) -> bytes:
    # Python's reader decodes every name without a mark as cp437, in which each byte is a letter.
    try:
        return entry.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.orig_filename.encode()


def _pieces(names: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the different parts of paths that are not of ASCII letters alone, folders first."""
    found: dict[bytes, None] = {}
    for are_folders in (True, False):
        for name in names:
            # Not at every byte of that value: the second byte of a character may be a backslash's.
            *folders, file = name.split(b"/")
            for piece in folders if are_folders else [file]:
                if not piece.isascii() and len(piece) <= _MOST_BYTES:
                    found.setdefault(piece)
            if len(found) >= _MOST_WEIGHED:
                return tuple(found)[:_MOST_WEIGHED]
    return tuple(found)


def _cost(piece: str, encoding: str) -> float:
    """Return how surprising a name is, in nats: the chance of such names is e to minus this."""
    cost, before = 0.0, ""
    for i, char in enumerate(piece):
        if not char.isascii():
            cost += _char_cost(char, encoding)
            after = piece[i + 1 : i + 2]
            cost += _fit(before, char) + (_fit(char, after) if after.isascii() else 0)
            if _script(char) == "LATIN" and not any(one.isalpha() for one in (before, after)):
                cost += 3.5
        elif not char.isprintable():
            return float("inf")
        else:
            # Within characters of two bytes these are often the second one.
            cost += _RARE_ASCII.get(char, 0.0)
        before = char
    return cost


def _fit(first: str, second: str) -> float:
    """Return how surprising two neighbours are together."""
    if not (first.isalpha() and second.isalpha()):
        return 0.0
    scripts = {_script(first), _script(second)}
    shouted = 4.0 * (first.islower() and second.isupper())
    if scripts == {"LATIN"}:
        return shouted + 2.5 * (not first.isascii() and not second.isascii())
    if len(scripts) == 1:
        return shouted
    if scripts <= {"CJK", "HIRAGANA", "KATAKANA"}:
        return 0.0
    return 6.0


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    first = unicodedata.name(char, "").partition(" ")[0].partition("-")[0]
    return "KATAKANA" if first == "HALFWIDTH" else first


@lru_cache(maxsize=4096)
def _char_cost(char: str, encoding: str) -> float:
    category, script = unicodedata.category(char), _script(char)
    if category in ("Cc", "Cn", "Co", "Cs", "Cf", "Zl", "Zp"):
        return float("inf")
    if category.startswith("M"):
        return 3.0 if script in ("THAI", "COMBINING") else 6.0
    if not char.isalpha():
        return 4.0 if script in ("FULLWIDTH", "IDEOGRAPHIC") else 13.0
    if script == "LATIN":
        return _COMMON_LATIN.get(char.lower(), 6.0) + (0.7 if char.isupper() else 0)
    if script in ("CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI"):
        rare = script == "CYRILLIC" and char.lower() not in "абвгдежзийклмнопрстуфхцчшщъыьэюяё"
        return 3.4 + 3.0 * rare + 0.7 * char.isupper()
    if script in ("HIRAGANA", "KATAKANA"):
        return 9.0 if unicodedata.east_asian_width(char) == "H" else 4.2
    if script == "HANGUL":
        return 5.5 if char in _COMMON_HANGUL else 8.5 if _has(char, "euc_kr") else 13.0
    if script == "CJK":
        return _han_cost(char, encoding)
    return 9.0


def _han_cost(char: str, encoding: str) -> float:
    """Tell common characters by where the old tables put them: the first of their levels."""
    if char in _COMMON_HAN:
        return 5.5
    if encoding == "cp949":
        return 12.0
    if encoding in ("cp932", "euc_jp"):
        return 8.2 if _first(char, "cp932") <= 0x98 else 12.0
    if encoding == "big5hkscs":
        return 8.5 if 0xA4 <= _first(char, "big5") <= 0xC6 else 13.0
    level = _first(char, "gb2312")
    if 0xB0 <= level <= 0xD7:
        return 8.2
    return 11.5 if level < 0xFF else 14.0


def _has(char: str, encoding: str) -> bool:
    return _first(char, encoding) < 0xFF


def _first(char: str, encoding: str) -> int:
    """Return the first byte of a character, or 255 where the encoding has none."""
    try:
        return char.encode(encoding)[0]
    except UnicodeEncodeError:
        return 0xFF
