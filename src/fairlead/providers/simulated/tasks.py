"""Tasks of eight kinds, made from templates; what they look like tells part of how hard they are."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One simulated request, in its session."""

    prompt_id: str
    prompt: str
    session_id: str
    kind: str
    """For reports only: a router never sees it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of task: how it is put, what it is about, what can be asked on top, and what an answer looks like."""

    name: str
    openings: tuple[str, ...]
    """Each has a `{subject}`; the words before its first slot tell the kind of a prompt."""
    subjects: tuple[str, ...]
    clauses: tuple[str, ...]
    right: str
    """An answer, with `{k}` for what must be right."""
    output_tokens: float
    """Median length of an answer."""
    difficulty: float
    """Mean, on the scale of skill."""


KINDS = (
    Kind(
        name="arithmetic",
        openings=(
            "A shop sells {subject}. {name} buys {n} on Monday and {m} on Tuesday. How many are that in all?",
            "Work out this sum about {subject}: {name} starts with {n} and gives away {m}. What is left?",
        ),
        subjects=("apples", "pencils", "tickets", "loan rates", "tank volumes", "train times", "bus fares", "shares"),
        clauses=(
            "Every third one is returned.",
            "After the first {m} the price rises by a tenth.",
            "One in {m} is damaged and does not count.",
            "Half of the rest is divided among {m} friends.",
            "Give the result as a fraction.",
        ),
        right="The answer is {k}.",
        output_tokens=180,
        difficulty=0.1,
    ),
    Kind(
        name="extraction",
        openings=(
            "Extract every {subject} from this note: '{name} of {place} met the board on {day} March about lot {n}.'",
            "List each {subject} that you find here: '{place}, {day} May. {name} paid {n} for repairs.'",
        ),
        subjects=("date", "person", "amount", "place", "obligation", "deadline", "party to the contract", "risk"),
        clauses=(
            "Answer as JSON.",
            "Leave out what is only implied.",
            "Normalise the spelling.",
            "Say for each how certain you are.",
            "Keep the order of the text.",
        ),
        right='{{"found": ["item {k}"]}}',
        output_tokens=120,
        difficulty=-0.3,
    ),
    Kind(
        name="code",
        openings=(
            "Write a Python function that {subject}. The file is called {place}_{n}.",
            "Fix the function in module {place}_{n}, which {subject} but fails on input {m}.",
        ),
        subjects=(
            "reverses a list",
            "counts words",
            "parses dates",
            "merges sorted intervals",
            "balances a binary tree",
            "finds the shortest path in a graph",
            "rounds amounts of money",
            "schedules jobs with priorities",
        ),
        clauses=(
            "It must run in linear time.",
            "Handle empty input.",
            "Use no library.",
            "Add type hints.",
            "It must be safe to call from {m} threads.",
        ),
        right="def solve(items):\n    return items[{k}:]",
        output_tokens=300,
        difficulty=0.4,
    ),
    Kind(
        name="summary",
        openings=(
            "Summarise in one sentence: 'The council of {place} discussed {subject} for {n} minutes. {name} objected.'",
            "Give the gist of this report on {subject}: '{name} visited {place}. Of {n} sites {m} were sound.'",
        ),
        subjects=("parking", "school meals", "flood walls", "pension rules", "noise limits", "water tariffs", "trees"),
        clauses=(
            "Write for a child.",
            "Name the main risk.",
            "Use at most {m} words.",
            "Keep every number.",
            "Do not judge.",
        ),
        right="In short: {k} points were settled and the rest was put off.",
        output_tokens=120,
        difficulty=-0.3,
    ),
    Kind(
        name="legal",
        openings=(
            "A tenant in {place} has a dispute about {subject} and gave notice {day} days ago. Who is in the right?",
            "Under the lease, {name} of {place} owes {n} for {subject}. Is the claim sound after {m} months?",
        ),
        subjects=("a deposit", "late rent", "an unsigned annex", "a subtenant", "damp walls", "a lost key"),
        clauses=(
            "The written agreement says nothing about it.",
            "An earlier case over {n} was decided otherwise.",
            "One party was away for {m} weeks.",
            "State the rule that you rely on.",
            "Weigh the strongest argument against your view.",
        ),
        right="On balance clause {k} decides.",
        output_tokens=260,
        difficulty=0.8,
    ),
    Kind(
        name="medical",
        openings=(
            "A patient aged {age} from {place} has had {subject} for {m} days. What should be examined first?",
            "In ward {n} {name}, aged {age}, reports {subject}. Which cause is most likely?",
        ),
        subjects=("a headache", "chest pain", "an odd blood count", "a rash", "numb fingers", "a stubborn cough"),
        clauses=(
            "A relative had the same.",
            "A new medicine was begun {m} weeks ago.",
            "The first test showed nothing.",
            "Say what would change your mind.",
            "Name what must not be overlooked.",
        ),
        right="Finding {k} should be looked into first.",
        output_tokens=240,
        difficulty=0.6,
    ),
    Kind(
        name="translation",
        openings=(
            "Translate into {subject}: '{name} left {place} with {n} coins and came back {m} days later.'",
            "How would one say in {subject}: 'On day {n} {name} saw {place} for the first time'?",
        ),
        subjects=("French", "German", "Spanish", "Finnish", "Hungarian", "Japanese", "Swahili", "Latin"),
        clauses=(
            "Keep the register formal.",
            "Explain one choice of word.",
            "Give a second version for a poster.",
            "Mind the tense.",
            "Do not translate names.",
        ),
        right="Version {k} is the faithful one.",
        output_tokens=100,
        difficulty=-0.2,
    ),
    Kind(
        name="chat",
        openings=(
            "Hello, I am {name} from {place}! Tell me something nice about {subject}, for a party of {n}.",
            "Good morning from {place}. {name} here, number {n}: shall we talk about {subject}?",
        ),
        subjects=("spring", "cats", "tea", "old songs", "sailing", "bread", "clouds"),
        clauses=("Be brief.", "Make it rhyme.", "No jokes, please.", "Ask me something back.", "Mention the sea."),
        right="Gladly! Here is thought number {k}.",
        output_tokens=80,
        difficulty=-0.9,
    ),
)

OTHER = Kind(
    name="other", openings=(), subjects=(), clauses=(), right="The answer is {k}.", output_tokens=150, difficulty=0.0
)
"""What a prompt counts as that is not from these templates."""

NAMES = ("Ada", "Bo", "Chidi", "Dana", "Emil", "Fatou", "Goran", "Hana", "Iris", "Jun", "Kofi", "Lena", "Mats", "Nuria")
PLACES = (
    "Arles",
    "Bergen",
    "Cadiz",
    "Delft",
    "Evora",
    "Faro",
    "Ghent",
    "Hull",
    "Izmir",
    "Jena",
    "Kiel",
    "Lund",
    "Nice",
)
MAX_CLAUSES = 4

_KIND_OF_OPENING = {opening.partition("{")[0]: kind for kind in KINDS for opening in kind.openings}
_SENTENCE_END = re.compile(r"[.?!](?=\s|'|$)")


def draw_prompt(rng: np.random.Generator) -> str:
    """Returns the text of a new task."""
    kind = KINDS[rng.integers(len(KINDS))]
    clauses = rng.permutation(len(kind.clauses))[: rng.integers(MAX_CLAUSES + 1)]
    template = " ".join([kind.openings[rng.integers(len(kind.openings))], *(kind.clauses[i] for i in clauses)])
    return template.format(
        subject=kind.subjects[rng.integers(len(kind.subjects))],
        name=NAMES[rng.integers(len(NAMES))],
        place=PLACES[rng.integers(len(PLACES))],
        n=rng.integers(12, 900),
        m=rng.integers(2, 12),
        day=rng.integers(1, 29),
        age=rng.integers(18, 90),
    )


def kind_of(prompt: str) -> Kind:
    """Returns the kind that a prompt's opening tells."""
    return next((kind for opening, kind in _KIND_OF_OPENING.items() if opening in prompt), OTHER)


def subject_of(prompt: str, kind: Kind) -> str:
    """Returns what it is about, as far as the kind's subjects tell."""
    return next((subject for subject in kind.subjects if subject in prompt), "")


def n_sentences(prompt: str) -> int:
    """Returns the number of sentences: the more, the more is asked."""
    return len(_SENTENCE_END.findall(prompt))


def prompt_id_of(prompt: str) -> str:
    """Returns the id that names this text."""
    return "sim-" + hashlib.blake2b(prompt.encode(), digest_size=6).hexdigest()
