"""Words and line beginnings that tell what kind of task a text is, whatever it is about."""

from __future__ import annotations

import re
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.features.reading import Float32Array

_LISTS = {
    "question": "what which who whom whose when where why how",
    "explanation": "why explain describe compare discuss analyze analyse interpret argue justify reason reasons",
    "quantity": "many much calculate compute percent percentage probability total average sum number count estimate"
    " rate ratio difference twice half times",
    "proof": "prove show theorem lemma proof derive proposition corollary",
    "mathematics": "equation function integer polynomial matrix vector triangle angle radius prime derivative integral"
    " frac sqrt sum let mathbb cdot",
    "science": "energy mass force velocity temperature pressure voltage current acid cell protein gene molecule"
    " electron",
    "writing": "write essay story poem letter email article blog paragraph draft summarize summarise translate rewrite",
    "making": "create generate design build implement develop plan provide suggest recommend list give",
    "code": "def return import class function select assert print include const let var public void int str string bool"
    " float none null python java javascript typescript sql html css bash code array dict lambda self",
    "engineering": "bug error exception traceback fix test tests refactor repository repo file files directory commit"
    " branch deploy server api endpoint database query docker",
    "output": "json xml yaml csv table markdown format bullet list sentence sentences paragraph words",
    "constraint": "must should only exactly least most without avoid ensure within maximum minimum limit every each",
    "negation": "not except false incorrect never no cannot neither nor least",
    "choice": "following options option choose best answer correct true statement statements",
    "blank": "blank mask missing fill complete",
    "condition": "if then else when unless otherwise assume suppose given assuming",
    "person": "i my me we our he she his her they their you your",
    "time": "year years month months week weeks day days hour hours minute minutes today date yesterday",
    "money": "cost price dollar dollars cents pay paid profit sales tax interest income market budget invoice",
    "english": "the of and is to in that it for was on are as with be by at this from",
    "german": "der die das und ist nicht ein eine zu den mit wie auf werden",
    "french": "le la les des et est une dans que pour qui sur pas avec",
    "spanish": "el los las y es una del por con para como cuando no",
    "portuguese": "o os uma nao para com em do da sao como que",
    "italian": "il lo gli di che una per con sono della come non",
    "dutch": "de het een en van niet dat zijn op wat met voor",
}
WORDS: tuple[str, ...] = tuple(_LISTS)
"""What the words of a text are counted for: `words` gives a number each."""

LINES = ("option", "last_option", "bullet", "table_row", "fence", "indented")
"""How the lines of a text begin: `lines` gives a number each."""

_BYTES_EACH = 2
_PACKED: dict[bytes, int] = {}
for _place, _listed in enumerate(_LISTS.values()):
    for _word in _listed.split():
        _PACKED[_word.encode()] = _PACKED.get(_word.encode(), 0) + (1 << 8 * _BYTES_EACH * _place)
"""Word -> a number with a 1 in the place of each list that it stands in: adding up counts in all lists at once."""

_LINE = re.compile(
    rb"\n(?:[ \t]*(?:\(?([A-Ja-j])[.):](?=\s)"  # an option
    rb"|([-*+]|\d\d?[.)])(?=[ \t])"  # a bullet, or a number that stands for one
    rb"|(\|)"  # the row of a table
    rb"|(```))"  # a fence around code
    rb"|(  |\t))"  # an indented line
)


def words(found: Iterable[bytes]) -> list[int]:
    """Returns, for each of `WORDS`, how many of the words stand in its list."""
    total = sum(map(_PACKED.get, found, repeat(0)))
    return memoryview(total.to_bytes(_BYTES_EACH * len(WORDS), "little")).cast("H").tolist()


def word_rows(found: Sequence[bytes]) -> Float32Array:
    """Returns (n_words, len(WORDS)) the counts of each word alone: they add up to those of a text, exactly."""
    return np.array([words([word]) for word in found], dtype=np.float32).reshape(-1, len(WORDS))


def lines(data: bytes) -> list[int]:
    """Returns, for each of `LINES`, how many lines but the first begin so; for the last option, its place."""
    found = _LINE.findall(data)
    if not found:
        return [0] * len(LINES)
    options, *others = zip(*found, strict=True)
    last = max(options).lower()
    counts = (len(column) - column.count(b"") for column in (options, *others))
    n_options, *n_others = counts
    return [n_options, last[0] - 96 if last else 0, *n_others]
