r"""Final answers in one spelling, so that two can be compared.

    prompt -> Question: what form its answer takes   reply -> final answer -> one spelling, or None: cannot compare

Everything depends on the prompt and this one reply, so two replies to a prompt are always read by the same rule. Where
in doubt two spellings stay different: an agreement that is none costs more than one that is missed.

>>> seen = question("How many eggs are left?")
>>> final_answer("16 - 7 = 9, so she sells them for 9 * 2.\n#### 18.00", seen), final_answer("It is $18.", seen)
('18', '18')
>>> final_answer("I cannot say.", seen) is None
True
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.types import Request

Form = Literal["option", "number", "json", "code", "literal", "text"]

FORMS: tuple[Form, ...] = get_args(Form)
"""All of them; their places are what is kept of them in arrays."""

MAX_CHARS = 240
"""A longer answer that no mark sets apart is prose; a longer spelling is replaced by its hash."""

TAIL_CHARS = 20_000
"""Of a reply, what is searched for the mark of a final answer: its end."""


# What was asked -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a prompt lets one expect of every answer to it."""

    form: Form
    options: Mapping[str, str]
    """Letter -> text of the option, where the prompt offers some."""
    prompt: str = field(repr=False)

    @cached_property
    def words(self) -> frozenset[str]:
        """Of the prompt, casefolded: a unit that it names is not repeated in the spelling of a number."""
        return frozenset(word.casefold() for word in _WORD.findall(self.prompt))


def question(prompt: str, *, json_asked: bool = False) -> Question:
    """Returns what to expect of an answer to `prompt`.

    Args:
        prompt: the words of the request.
        json_asked: the request demands JSON, by a schema or by a mode.
    """
    options = _options(prompt)
    return Question(form="json" if json_asked else _form(prompt, options), options=options, prompt=prompt)


def asked_of(request: Request) -> Question | None:
    """Returns what to expect of an answer to the last turn; `None` where answers are not to be compared.

    Tool calls, several answers at once and turns that are not the user's have no final answer.
    """
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user" or request.tools or request.n > 1 or "tools" in request.needs:
        return None
    return question(last.text, json_asked=request.json_object or request.json_schema is not None)


def _form(prompt: str, options: Mapping[str, str]) -> Form:
    if options:
        return "option"
    lower = prompt.lower()
    if _any_of(_WRITING, lower) and _WRITE_CODE.search(lower):
        return "code"
    if _any_of(_CODING, lower) and _HAS_CODE.search(prompt):
        return "literal"
    return "number" if _any_of(_COUNTING, lower) and _ASKS_NUMBER.search(lower) else "text"


def _any_of(words: tuple[str, ...], text: str) -> bool:
    """Says whether a regular expression that needs one of these words is worth its time."""
    return any(word in text for word in words)


def _options(prompt: str) -> dict[str, str]:
    """Returns the run of options A, B, ... that a prompt lists line by line; none where there are fewer than two."""
    found: dict[str, str] = {}
    for letter, text in _OPTION_LINE.findall(prompt):
        if letter == "A":
            found = {}
        if ord(letter) == ord("A") + len(found):
            found[letter] = text.strip()
    return found if len(found) > 1 else {}


_WRITING = ("write", "implement", "create", "generate", "complete")
_CODING = ("```", "[python]", "def ", "class ", "assert ", "#include")
_COUNTING = ("how ", "calculate", "compute", "evaluate", "percentage", "probability", "find the ", "what ")
_WORD = re.compile(r"[^\W\d_]+")
_OPTION_LINE = re.compile(r"^[ \t]*\(?([A-Z])[.):][ \t]+(\S.*)$", re.MULTILINE)
_WRITE_CODE = re.compile(
    r"\b(?:write|implement|create|generate|complete)\b[^.\n]{0,60}\b(?:function|program|script|code|query|class|regex)\b"
)
_HAS_CODE = re.compile(r"```|\[PYTHON\]|^\s*(?:def|class|assert|#include)\b", re.MULTILINE)
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|old|long|far|tall|fast)\b|\b(?:calculate|compute|evaluate|percentage|probability)\b"
    r"|\b(?:find|what (?:is|are|was|will be)) the (?:\w+ ){0,2}"
    r"(?:sum|number|value|total|product|average|mean|area|volume|length|distance|cost|price|ratio|remainder)\b"
)


# Where the answer stands in a reply -----------------------------------------------------------------------------------


def final_answer(reply: str, asked: Question) -> str | None:
    r"""Returns the final answer of a whole reply in one spelling; `None` where there is none that could be compared.

    The last of these marks decides: `\boxed{}`, `#### `, a JSON field `answer`, "the answer is". Without a mark: an
    option's letter at the beginning or in brackets near the end; the last number, where the prompt asks for one; the
    only block of code, where it asks for code; else the whole reply, where it is one short line.
    """
    text = reply.strip()
    if not text or _REFUSAL.match(text):
        return None
    if asked.form == "json":
        return _json_answer(text, asked)
    if asked.form == "code":
        return _code(text)
    marked = _marked(text[-TAIL_CHARS:])
    return _unmarked(text, asked) if marked is None else spelled(marked, asked)


def _marked(text: str) -> str | None:
    """Returns what follows the last mark of a final answer."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    last = marks[-1]
    rest = text[last.end() :]
    if last["box"]:
        return _balanced(rest)
    return _field(rest) if last["field"] else _sentence(rest)


def _balanced(text: str) -> str | None:
    """Returns `text` up to the brace that closes the one before it; `None` where none does."""
    depth = 1
    for brace in _BRACE.finditer(text):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return text[: brace.start()]
    return None


def _field(text: str) -> str | None:
    """Returns the JSON value at the beginning of `text`, a string without its quotes."""
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _sentence(text: str) -> str:
    """Returns the first line of `text` that says something, up to the end of its sentence."""
    line = text.lstrip().partition("\n")[0]
    return _SENTENCE_END.split(line, maxsplit=1)[0]


def _unmarked(text: str, asked: Question) -> str | None:
    short = "\n" not in text and len(text) <= MAX_CHARS
    if asked.form == "option":
        return _option(text, asked) or _option_near_end(text, asked)
    if asked.form == "number":
        alone = _number(_undressed(text), asked) if short else None
        return alone or (spelled(text, asked) if short and " " not in text else _last_number(text, asked))
    return spelled(text, asked) if short else None


def _last_number(text: str, asked: Question) -> str | None:
    numbers = _ANY_NUMBER.findall(text[-TAIL_CHARS:])
    return _number(numbers[-1], asked) if numbers else None


def _option_near_end(text: str, asked: Question) -> str | None:
    letters = [a or b for a, b in _LETTER_IN_TEXT.findall(text[-MAX_CHARS:])]
    return letters[-1] if letters and letters[-1] in asked.options else None


_MARK = re.compile(
    r"(?P<box>\\f?boxed\s*\{)|####[ \t]*|(?P<field>\"(?:final_?)?answer\"\s*:\s*)"
    r"|\banswer(?:\s+is(?:\s*:)?|\s*:|\s*=)[ \t*]*",
    re.IGNORECASE,
)
_BRACE = re.compile(r"(?<!\\)[{}]")
_SENTENCE_END = re.compile(r"[.;!?]\s|\s(?:because|since|as|which)\s")
_LETTER_IN_TEXT = re.compile(r"\(([A-Z])\)|\b[Oo]ption \(?([A-Z])\b")
_ANY_NUMBER = re.compile(
    r"(?<![\w.,/])[-\u2212]?[$\u20ac\u00a3]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+)?\s?(?:%|[^\W\d_]*)"
)
_REFUSAL = re.compile(
    r"\W*(?:(?:i(?:'|\u2019)?m|i am) (?:sorry|unable|not able)|i (?:can't|can\u2019t|cannot|won't)|sorry,|as an ai\b)",
    re.IGNORECASE,
)
_DECODER = json.JSONDecoder()


# One spelling ---------------------------------------------------------------------------------------------------------


def spelled(answer: str, asked: Question) -> str | None:
    """Returns an answer that stands alone in one spelling; `None` where it is empty or names no option offered."""
    if asked.form == "literal":  # every character counts
        return _bounded(_literal(answer.strip()))
    bare = _undressed(unicodedata.normalize("NFKC", answer))
    if not bare:
        return None
    if asked.form == "option":
        return _option(bare, asked)
    return _number(bare, asked) or _bounded(_formula(bare) if _FORMULA.search(bare) else _words(bare))


def _undressed(text: str) -> str:
    """Returns `text` without the marks of Markdown and TeX around it, and without a full stop at its end."""
    previous = None
    while text != previous:
        previous = text
        text = text.strip().rstrip(".").strip("*`").removesuffix("\\")
        for opening, closing in _WRAPPERS:
            if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
                inside = text[len(opening) : -len(closing)]
                text = text if opening in inside or closing in inside else inside
    return text


def _option(text: str, asked: Question) -> str | None:
    """Returns the letter of the option that `text` is, begins with, or spells out."""
    if (letter := _LETTER.match(text)) and letter[1].upper() in asked.options:
        return letter[1].upper()
    wanted = _words(text)
    same = [letter for letter, option in asked.options.items() if _words(option) == wanted]
    return same[0] if len(same) == 1 else None


def _number(text: str, asked: Question) -> str | None:
    """Returns a number in one spelling, with the unit unless the prompt names it; `None` where it is none."""
    plain = _TEX_SPACE.sub("", _TEX_FRACTION.sub(r"\1/\2", text)).strip("$ ")
    plain = _ASSIGNED.sub("", plain).replace("\u2212", "-")
    parts = _WHOLE_NUMBER.fullmatch(plain)
    if parts is None:
        return None
    value = Fraction(parts["number"].replace(",", "")) * Fraction(10) ** int(parts["power"] or 0)
    if parts["below"]:
        below = Fraction(parts["below"].replace(",", ""))
        if below == 0:
            return None
        value = value / below + int(parts["whole"] or 0)
    elif parts["whole"]:
        return None
    unit = _unit(parts["unit"], asked)
    return None if unit is None else _decimal(-value if parts["sign"] == "-" else value) + unit


def _unit(unit: str, asked: Question) -> str | None:
    """Returns what a unit adds to the spelling; `None` where it is a word that makes the whole no number."""
    word = unit.casefold()
    if (measure := _MEASURES.get(word)) is not None:
        return "" if measure in map(_MEASURES.get, asked.words) else f" {measure}"
    return "" if asked.form == "number" or word in _NO_MEASURE or word in asked.words else None


def _decimal(value: Fraction) -> str:
    """Returns a fraction as a decimal without trailing zeros, where it is one; else as p/q."""
    below = value.denominator
    for factor in (2, 5):
        while below % factor == 0:
            below //= factor
    if below != 1:
        return f"{value.numerator}/{value.denominator}"
    n_places = max(value.denominator.bit_length(), 1)  # 2^n divides 10^n
    digits = str(abs(value.numerator) * 10**n_places // value.denominator).rjust(n_places + 1, "0")
    decimal = f"{digits[:-n_places]}.{digits[-n_places:]}".rstrip("0").rstrip(".")
    return f"-{decimal}" if value < 0 else decimal


def _formula(text: str) -> str:
    return _TEX_STYLE.sub("", text).replace("dfrac", "frac").replace("tfrac", "frac").replace(" ", "")


def _words(text: str) -> str:
    """Returns casefolded words without a leading article, the marks around them and runs of spaces."""
    text = " ".join(text.casefold().split()).strip(" .,;:!?\"'()")
    return _ARTICLE.sub("", text)


def _literal(text: str) -> str:
    """Returns a Python literal as Python writes it; other text as it is, without the quotes around it."""
    text = text[1:-1] if text[:1] == text[-1:] == "`" and len(text) > 2 else text
    if text[:1] in {"[", "{", "("} and len(text) <= MAX_CHARS:
        try:
            return repr(ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return text
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in {'"', "'"}
    return text[1:-1] if quoted else text


def _json_answer(text: str, asked: Question) -> str | None:
    fenced = _FENCE.findall(text)
    try:
        value = json.loads(fenced[0] if len(fenced) == 1 else text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        for name in ("answer", "final_answer"):
            if isinstance(value.get(name), str | int | float):
                return spelled(str(value[name]), Question(form="text", options={}, prompt=asked.prompt))
    return _bounded(json.dumps(_plain(value), sort_keys=True, separators=(",", ":")))


def _plain(value: Any) -> Any:
    """Returns a JSON value in which whole floats are integers."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _code(text: str) -> str | None:
    """Returns the only fenced block, its spaces made even; `None` where there is none or several."""
    fenced = _FENCE.findall(text)
    if len(fenced) != 1:
        return None
    lines = (line.rstrip() for line in fenced[0].expandtabs(4).splitlines())
    return _bounded("\n".join(line for line in lines if line)) or None


def _bounded(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    return "#" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]


_WRAPPERS = (("\\(", "\\)"), ("\\[", "\\]"), ("$", "$"), ("\\text{", "}"), ("\\textbf{", "}"), ("\\mathrm{", "}"))
_LETTER = re.compile(r"[(\[\s*]*([A-Za-z])(?:[)\].:]|\s*$|\s*[-\u2013]\s)")
_PLAIN_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d{1,60})(?:\.\d{0,60})?|\.\d{1,60}"
_WHOLE_NUMBER = re.compile(
    rf"(?P<sign>[-+]?)\s*[$\u20ac\u00a3]?\s*(?:(?P<whole>\d{{1,12}})\s+(?=\d+/))?(?P<number>{_PLAIN_NUMBER})"
    rf"(?:e(?P<power>[-+]?\d{{1,2}}))?(?:\s*/\s*(?P<below>{_PLAIN_NUMBER}))?(?!\s*/)"
    r"\s*(?P<unit>%|\^\\circ|\u00b0|[^\W\d_]*)",
    re.IGNORECASE,
)
_TEX_FRACTION = re.compile(r"\\[dt]?frac\{(\d{1,60})\}\{(\d{1,60})\}")
_TEX_SPACE = re.compile(r"\\[,;!]|\\left|\\right|\{,\}|\\(?=[$%])")
_TEX_STYLE = re.compile(r"\\[,;! ]|\\left|\\right")
_ASSIGNED = re.compile(r"^[A-Za-z]\w{0,9}\s*=\s*")
_FORMULA = re.compile(r"[\\^=+*/<>|]|\d\s*-\s*\d")
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)")
_MEASURES = {
    word: name
    for name, words in {
        "%": "% percent percentage",
        "km": "km kilometers kilometres kilometer",
        "m": "m meters metres meter",
        "cm": "cm centimeters centimetres",
        "miles": "miles mile",
        "feet": "feet foot ft",
        "inches": "inches inch",
        "kg": "kg kilograms kilogram",
        "g": "g grams gram",
        "pounds": "pounds pound lb lbs",
        "ounces": "ounces ounce oz",
        "seconds": "seconds second",
        "minutes": "minutes minute min",
        "hours": "hours hour hrs",
        "days": "days day",
        "weeks": "weeks week",
        "months": "months month",
        "years": "years year",
        "cents": "cents cent",
    }.items()
    for word in words.split()
}
"""Word -> unit, of those that stand for one another: 5 km are not 5 miles."""
_NO_MEASURE = frozenset({"", "^\\circ", "\u00b0", "degrees", "dollars", "dollar", "usd", "euros", "euro", "eur"})
_FENCE = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
