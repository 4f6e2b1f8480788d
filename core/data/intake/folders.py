"""Which folders of an archive are the classes, and which say what is for training and what tests.

Only pictures decide: whatever else lies about, and a few pictures in the wrong place, change
nothing. The classes' folders may lie in others (`shapes/ring`), be divided (`train/ring`,
`test/ring`) or be divided inside (`ring/train`, `ring/test`).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from core.data.own.parts import TEST, TRAIN, VALIDATION
from core.words.message import N_, Quoted, message

# A folder of fewer pictures is no class, and no folder that holds classes.
_FEWEST: Final = 3
# What people call the folders of the parts, without accents, spaces and endings such as "set".
_WORDS: Final = {
    TRAIN: "train training trn learn learning fit lernen ubung entrainement apprentissage "
    "entrenamiento entreno treino treinamento addestramento allenamento trening traning opleiding "
    "egitim 训练 訓練 学习 学習 trenirovka обучение обучающая тренировка 훈련 학습",
    VALIDATION: "val valid validation validate validating dev development eval evaluation "
    "validierung validacion validacao validazione walidacja validering dogrulama 验证 驗證 検証 "
    "проверка валидация 검증",
    TEST: "test tests testing tst prufung prueba pruebas teste testes prova essai testowy 测试 "
    "测验 測試 テスト тест тестовая 시험 테스트",
}
_PART_OF: Final = {word: part for part, words in _WORDS.items() for word in words.split()}
_ENDINGS: Final = (
    *("images", "image", "pictures", "data", "dataset", "set", "split", "folder", "imgs"),
    *("集", "数据", "数据集", "資料", "データ", "用"),
)
_NO_FOLDER: Final = N_(
    "It lies in no folder, so its class is unknown: put it into one that is called as its class is."
)


@dataclass(frozen=True)
class Place:
    """Where a picture belongs, or why nowhere.

    Attributes:
        class_folder: the name of its class's folder; empty where it has none.
        part: TRAIN, VALIDATION or TEST.
        reason: why it is left out, as a sentence.
    """

    class_folder: str
    part: int = TRAIN
    reason: str = ""


@dataclass(frozen=True)
class Layout:
    """What the folders of an archive mean.

    Attributes:
        places: of the pictures, in their order.
        parts: the names of the folders that stand for parts, in the archive's words.
        notes: what was assumed, in sentences.
    """

    places: tuple[Place, ...]
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Folder:
    name: str = ""
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    pictures: list[int] = field(default_factory=list)
    total: int = 0

    def add(self, path: Sequence[str], picture: int) -> None:
        self.total += 1
        if not path:
            self.pictures.append(picture)
            return
        inner = self.folders.setdefault(path[0], _Folder(path[0]))
        inner.add(path[1:], picture)

    def below(self) -> list[int]:
        """All pictures in the folder and in those below it."""
        every, stack = [], [self]
        while stack:
            folder = stack.pop()
            every += folder.pictures
            stack += folder.folders.values()
        return every

    def large(self) -> list["_Folder"]:
        """The folders in it that have enough pictures to be a class."""
        return [one for one in self.folders.values() if one.total >= _FEWEST]


def layout_of(paths: Sequence[Sequence[str]]) -> Layout:
    """Find the class of every picture.

    Args:
        paths: the folders around each picture, from the outermost.
    """
    root = _Folder()
    for picture, path in enumerate(paths):
        root.add(path, picture)
    reader = _Reader()
    reader.read(root, TRAIN)
    places = tuple(reader.places[picture] for picture in range(len(paths)))
    return Layout(places, tuple(reader.parts), tuple(reader.notes))


def part_of(name: str) -> int | None:
    """Return the part that a folder's name stands for, in whatever case or ending."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = unicodedata.normalize("NFC", "".join(c for c in plain if not unicodedata.combining(c)))
    letters = "".join(c for c in plain if c.isalpha())
    # Once without accents, and once with them, as й is a letter of its own and no и.
    for word in (letters, "".join(c for c in name.casefold() if c.isalpha())):
        for ending in ("", *_ENDINGS):
            if word.endswith(ending) and word[: len(word) - len(ending)] in _PART_OF:
                return _PART_OF[word[: len(word) - len(ending)]]
    return None


class _Reader:
    """Goes down the folders; every picture gets its place once."""

    def __init__(self) -> None:
        self.places: dict[int, Place] = {}
        self.parts: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self._spelt: dict[str, str] = {}

    def read(self, folder: _Folder, part: int) -> None:
        """Place the pictures of a folder that holds classes, or folders of them."""
        divided = _parts_in(folder)
        if divided:
            self._leave_out(folder.pictures, _NO_FOLDER)
            for inner in folder.folders.values():
                if inner.name not in divided:
                    listed = Quoted(", ".join(f"“{name}”" for name in divided))
                    beside = message("It lies beside {folders}, in none of them.", folders=listed)
                    self._leave_out(inner.below(), beside)
                    continue
                self.parts[inner.name] = None
                inside = divided[inner.name]
                self.read(inner, inside if part == TRAIN else part)
            return
        around = _only_holder(folder)
        if around is None:
            self._leave_out(folder.pictures, _NO_FOLDER)
            parts_only = {part_of(inner.name) for inner in folder.folders.values()}
            for inner in folder.folders.values():
                if len(parts_only) > 1 and None not in parts_only and not inner.folders:
                    self._leave_out(
                        inner.below(),
                        message(
                            "Its class is unknown: “{folder}” is to hold a folder for each class.",
                            folder=Quoted(inner.name),
                        ),
                    )
                else:
                    self._read_class(inner, part)
            return
        for inner in folder.folders.values():
            if inner is around:
                self.read(inner, part)
            else:
                name = Quoted(around.name)
                self._leave_out(
                    inner.below(), message("It lies beside “{folder}”, not in it.", folder=name)
                )
        self._leave_out(folder.pictures, _NO_FOLDER)

    def _read_class(self, folder: _Folder, part: int) -> None:
        divided = {name: part_of(name) for name in folder.folders}
        inside = {name: one for name, one in divided.items() if one is not None}
        if inside and (len(inside) > 1 or not folder.pictures):
            self._place(folder.pictures, folder.name, part)
            for inner in folder.folders.values():
                if inner.name in inside:
                    self.parts[inner.name] = None
                    self._place(
                        inner.below(), folder.name, inside[inner.name] if part == TRAIN else part
                    )
                else:
                    self._too_deep(inner.below())
            return
        if folder.pictures or not folder.folders:
            self._place(folder.pictures, folder.name, part)
            for inner in folder.folders.values():
                self._too_deep(inner.below())
            return
        # All of its pictures lie deeper: in folders by writer, day or the like.
        self.notes[N_("The folders inside each class’s folder were put together.")] = None
        self._place(folder.below(), folder.name, part)

    def _place(self, pictures: list[int], name: str, part: int) -> None:
        # The folders of two parts may write a class in capitals and in small letters.
        name = self._spelt.setdefault(name.casefold(), name) if self.parts else name
        for picture in pictures:
            self.places[picture] = Place(name, part)

    def _too_deep(self, pictures: list[int]) -> None:
        self._leave_out(pictures, N_("It lies deeper than in its class’s folder."))

    def _leave_out(self, pictures: list[int], reason: str) -> None:
        for picture in pictures:
            self.places[picture] = Place("", TRAIN, reason)


def _parts_in(folder: _Folder) -> dict[str, int]:
    """Return the folders that stand for parts; none unless there are two parts with classes."""
    found = {name: part_of(name) for name in folder.folders}
    parts = {name: part for name, part in found.items() if part is not None}
    parts = parts or _parts_by_a_word(folder)
    with_classes = [name for name in parts if folder.folders[name].folders]
    if len(set(parts.values())) < 2 or not with_classes:
        return {}
    # A folder `train` may be a class, of trains: then folders of other classes lie beside it.
    others = [one for one in folder.large() if one.name not in parts and not one.folders]
    return {} if len(others) >= 2 and len(with_classes) < 2 else parts


def _parts_by_a_word(folder: _Folder) -> dict[str, int]:
    """Return folders such as `seg_train` and `seg_test`, where they hold classes of one name."""
    parts: dict[str, int] = {}
    for name, inner in folder.folders.items():
        words = re.split(r"[\W_]+", name)
        part = part_of(words[-1]) if len(words) > 1 else None
        part = part_of(words[0]) if part is None and len(words) > 1 else part
        if part is not None and inner.folders:
            parts[name] = part
    classes = [{*_classes_below(folder.folders[name])} for name in parts]
    # `steam_train` and `test_tube` may be classes: then they hold no folders of the same names.
    return parts if len(classes) > 1 and set.intersection(*classes) else {}


def _classes_below(folder: _Folder) -> dict[str, _Folder]:
    """Return the folders that hold pictures themselves, inside of others that hold nothing else."""
    inner = folder
    while len(inner.folders) == 1 and not inner.pictures:
        (inner,) = inner.folders.values()
    return inner.folders or {inner.name: inner}


def _only_holder(folder: _Folder) -> _Folder | None:
    """Return the one folder that holds all classes, if there is one."""
    large = folder.large() or list(folder.folders.values())
    if len(large) != 1:
        return None
    (inner,) = large
    classes = inner.large() or list(inner.folders.values())
    enough = sum(one.total for one in classes) > len(inner.pictures)
    is_class = all(part_of(one.name) is not None for one in classes) and not any(
        one.folders for one in classes
    )
    return inner if classes and enough and not is_class else None
