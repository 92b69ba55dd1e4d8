"""The world: its tasks, its models, and what comes of one meeting the other, known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairlead.errors import RequestError
from fairlead.outcomes import Outcomes
from fairlead.outcomes.questions import question_key
from fairlead.providers.draws import normal, uniform
from fairlead.providers.simulated.models import POOLS
from fairlead.providers.simulated.tasks import (
    Task,
    draw_prompt,
    kind_of,
    n_sentences,
    prompt_id_of,
    subject_of,
)
from fairlead.providers.upstream.reply import Reply
from fairlead.types import CHARS_PER_TOKEN, Candidate, Usage, estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.providers.faults import FaultRule
    from fairlead.providers.simulated.models import SimulatedModel
    from fairlead.types import Price

SENTENCE_WEIGHT = 0.4
"""How much harder one more sentence makes a task."""
SUBJECT_SD = 0.7
"""Spread of what the subject adds."""
HIDDEN_SD = 1.0
"""Spread of what no feature tells. With the weights above, it sets how well success can be predicted from the text:
AUC 0.65 to 0.75 for each model, as on real tables."""
MEAN_SENTENCES = 4.0
LENGTH_SD = 0.35
"""Spread of the logarithm of an answer's length."""
LATENCY_SD = 0.25
"""Spread of the logarithm of each wait."""
MAX_SESSION_TASKS = 3

WORKING = (
    "First, what is given.",
    "Then, what is asked for.",
    "One thing follows from the other.",
    "This much is certain.",
    "That leaves a few cases.",
    "The first of them is simple.",
    "The others need a closer look.",
    "Nothing else changes the picture.",
    "So far, so good.",
    "Here is how it comes together.",
)
"""What answers are padded with, as a model shows its working."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a model makes of a prompt."""

    score: float
    """1.0 where it is right, else 0.0."""
    answer: str
    """The final answer; only its content tells whether it is right."""
    text: str
    """Some working, then the answer."""


class World:
    """Simulated tasks and models; a `Responder`. Everything in it depends on the seed and the text alone.

    A task's difficulty is what its kind, subject and length tell, plus what nothing tells. A model solves it with
    probability logistic(skill - difficulty), by a draw keyed by (seed, prompt, model): the same answer every time.

    Args:
        seed: of the world: subjects, hidden difficulties, successes, lengths, latencies.
        pool: `saving`, or `losing`, where cheap models cost as much per task and fail more often.
        faults: which calls go wrong, by prompt id, model and attempt.

    >>> world = World(seed=1)
    >>> world.truth(world.tasks(200, seed=0)).score.shape
    (200, 5)
    """

    label = "simulated"

    def __init__(
        self, seed: int = 0, *, pool: Literal["saving", "losing"] = "saving", faults: FaultRule | None = None
    ) -> None:
        self.seed = seed
        self.pool = {model.name: model for model in POOLS[pool]}
        self.faults = faults

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, from the strongest and dearest to the weakest and cheapest."""
        return tuple(self.pool)

    @property
    def prices(self) -> dict[str, Price]:
        """Model -> price."""
        return {name: model.price for name, model in self.pool.items()}

    def candidates(self, provider: str = "simulated") -> tuple[Candidate, ...]:
        """Returns one candidate a model, named `provider/model`, known by the model's name in tables."""
        return tuple(
            Candidate(
                name=f"{provider}/{model.name}",
                provider=provider,
                model=model.name,
                weights=model.name,
                capabilities=model.capabilities,
                price=model.price,
                known_as=(model.name,),
            )
            for model in self.pool.values()
        )

    # What is asked

    def tasks(self, n: int, seed: int) -> tuple[Task, ...]:
        """Returns a workload of `n` tasks in sessions of one to three; no table of this world has any of them."""
        rng = np.random.default_rng([self.seed, seed, 1])
        prompts = self._prompts(rng, n, for_table=False)
        return tuple(
            Task(
                prompt_id=prompt_id_of(prompt),
                prompt=prompt,
                session_id=f"session-{seed}-{session:05d}",
                kind=kind_of(prompt).name,
            )
            for prompt, session in zip(prompts, _sessions(rng, n), strict=True)
        )

    def outcomes(self, n: int, seed: int) -> Outcomes:
        """Returns a table of `n` prompts to fit a router on; none of them occurs in a workload of this world."""
        rng = np.random.default_rng([self.seed, seed, 0])
        return self._outcomes(self._prompts(rng, n, for_table=True))

    def truth(self, tasks: Sequence[Task]) -> Outcomes:
        """Returns what each model would have scored and cost on each task, exactly; one row a task."""
        return self._outcomes([task.prompt for task in tasks])

    def _prompts(self, rng: np.random.Generator, n: int, *, for_table: bool) -> list[str]:
        prompts: dict[str, str] = {}
        while len(prompts) < n:
            prompt = draw_prompt(rng)
            question = question_key(prompt)
            # Each question belongs to tables or to workloads, for ever: so the two never meet.
            if (uniform(self.seed, "side", question) < 0.5) == for_table:
                prompts.setdefault(question, prompt)
        return list(prompts.values())

    # What comes of it

    def respond(self, model: str, prompt: str, prompt_id: str | None, attempt: int) -> Reply:
        """Returns the model's reply; the text of the prompt decides, its id is not needed.

        Raises:
            RequestError: 404 for an unknown model, 400 for a prompt beyond its context.
        """
        del prompt_id
        if model not in self.pool:
            message = f"there is no model `{model}`; ask for one of `GET /v1/models`"
            raise RequestError(message, status_code=404, param="model", code="model_not_found")
        simulated = self.pool[model]
        text = self.solve(simulated, prompt).text
        # These models count a quarter of the characters as tokens.
        usage = Usage(input_tokens=estimated_tokens(len(prompt)), output_tokens=estimated_tokens(len(text)))
        _check_context(simulated, usage)
        ttft_s = simulated.ttft_s * self._spread(LATENCY_SD, "ttft", prompt, model)
        writing_s = usage.output_tokens / simulated.tokens_per_s * self._spread(LATENCY_SD, "speed", prompt, model)
        fault = self.faults(prompt_id_of(prompt), model, attempt) if self.faults else None
        return Reply(text=text, usage=usage, ttft_s=ttft_s, latency_s=ttft_s + writing_s, fault=fault)

    def difficulty(self, prompt: str) -> float:
        """Returns how hard a prompt is, on the scale of skill: what its text tells and what nothing tells."""
        kind = kind_of(prompt)
        told = kind.difficulty + SENTENCE_WEIGHT * (min(n_sentences(prompt), 8) - MEAN_SENTENCES)
        subject = SUBJECT_SD * normal(self.seed, "subject", kind.name, subject_of(prompt, kind))
        return told + subject + HIDDEN_SD * normal(self.seed, "hidden", prompt)

    def solve(self, model: SimulatedModel, prompt: str) -> Solution:
        """Returns what the model makes of a prompt.

        Models that solve it agree in the answer; the others go wrong in one of a few ways.
        """
        kind = kind_of(prompt)
        margin = model.skill_at(kind.name) - self.difficulty(prompt)
        solved = uniform(self.seed, "success", prompt, model.name) < 1 / (1 + math.exp(-margin))
        mistake = 0 if solved else 1 + int(4 * uniform(self.seed, "mistake", prompt, model.name))
        answer = kind.right.format(k=10 + int(80 * uniform(self.seed, "answer", prompt)) + mistake)
        length = kind.output_tokens * model.verbosity * self._spread(LENGTH_SD, "length", prompt, model.name)
        working = _working(int(length * CHARS_PER_TOKEN), first=len(prompt))
        return Solution(score=float(solved), answer=answer, text=working + answer)

    def _spread(self, sd: float, *key: str) -> float:
        return math.exp(sd * normal(self.seed, *key))

    def _outcomes(self, prompts: Sequence[str]) -> Outcomes:
        shape = (len(prompts), len(self.pool))
        solutions = [self.solve(model, prompt) for prompt in prompts for model in self.pool.values()]
        input_tokens = np.repeat([float(estimated_tokens(len(prompt))) for prompt in prompts], len(self.pool))
        output_chars = np.array([float(len(solution.text)) for solution in solutions])
        return Outcomes(
            name="simulated",
            prompt_ids=tuple(prompt_id_of(prompt) for prompt in prompts),
            prompts=tuple(prompts),
            models=self.models,
            score=np.array([solution.score for solution in solutions]).reshape(shape),
            input_tokens=input_tokens.reshape(shape),
            output_tokens=np.ceil(output_chars / CHARS_PER_TOKEN).reshape(shape),
            output_chars=output_chars.reshape(shape),
            tokens_estimated=np.zeros(shape, dtype=np.bool_),
            answer=np.array([solution.answer for solution in solutions], dtype=np.object_).reshape(shape),
            latency_s=np.full(shape, np.nan),
            prices=self.prices,
            benchmark=("simulated",) * len(prompts),
            subset=tuple(kind_of(prompt).name for prompt in prompts),
        )


def _sessions(rng: np.random.Generator, n: int) -> Iterator[int]:
    session = left = 0
    for _ in range(n):
        if left == 0:
            session += 1
            left = int(rng.integers(1, MAX_SESSION_TASKS + 1))
        left -= 1
        yield session


def _working(n_chars: int, *, first: int) -> str:
    start = first % len(WORKING)
    once = "\n".join(WORKING[start:] + WORKING[:start]) + "\n"
    repeated = once * (n_chars // len(once) + 1)
    return repeated[: repeated.find("\n", n_chars) + 1]


def _check_context(model: SimulatedModel, usage: Usage) -> None:
    context_tokens = model.capabilities.context_tokens
    if context_tokens is not None and usage.input_tokens > context_tokens:
        message = f"`{model.name}` takes {context_tokens} tokens, this prompt has {usage.input_tokens}"
        raise RequestError(message, param="messages", code="context_length_exceeded")
