"""Question -> page. Runs in the child process; a test may call it directly."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

from fairlead.dashboard.milestones import milestones
from fairlead.dashboard.queries import PERIODS, Queries, cursor_text
from fairlead.dashboard.question import Page
from fairlead.errors import FairleadError
from fairlead.ledger.opening import open_ledger
from fairlead.plots.svg import STYLE
from fairlead.policies.base import REASONS
from fairlead.proof.explanation import explanation
from fairlead.proof.page import quality_plot, saving_plot, templates
from fairlead.proof.shown import certificate_lines, figures, included, misroute_lines, quality_lines, steps, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import Environment

    from fairlead.dashboard.question import Installation, Question
    from fairlead.ledger.sql import SqlLedger

MENU = {
    "overview": ("/", "Overview"),
    "decisions": ("/dashboard/decisions", "Decisions"),
    "models": ("/dashboard/models", "Models"),
    "keys": ("/dashboard/keys", "Keys and budgets"),
    "certificates": ("/dashboard/certificates", "Certificates"),
    "road": ("/dashboard/road", "The road"),
}
"""Page -> its address and its name."""


class Pages:
    """Makes the pages of one installation.

    Args:
        installation: what is configured, and where its ledger is.
        queries: in place of those of the ledger at `installation.place`.
    """

    def __init__(self, installation: Installation, queries: Queries | None = None) -> None:
        self._installation = installation
        self._ledger: SqlLedger | None = None
        self._given = queries
        self._makers: Mapping[str, Callable[[Question], Page]] = {
            "overview": self._overview,
            "series": self._series,
            "decisions": self._decisions,
            "decision": self._decision,
            "models": self._models,
            "keys": self._keys,
            "certificates": self._certificates,
            "road": self._road,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ledger is not None:
            asyncio.run(self._ledger.close())

    @property
    def _queries(self) -> Queries:
        """Those of the ledger, opened when it is first needed: where it is gone, the next page tries again."""
        if self._given is None:
            self._ledger = open_ledger(self._installation.place, create=False)
            self._given = Queries(self._ledger)
        return self._given

    def page(self, question: Question) -> Page:
        """Returns the page, or one that says what is wrong."""
        try:
            return self._makers[question.page](question)
        except FairleadError as error:
            return self._rendered("problem.html", question, 503, title="Something is missing", problem=str(error))
        except Exception as error:  # noqa: BLE001 - the edge: the child lives on, and the text may quote a row
            problem = f"{type(error).__name__}: the page could not be made. The gateway serves on."
            return self._rendered("problem.html", question, 500, title="Something broke", problem=problem)

    def _overview(self, question: Question) -> Page:
        view = self._queries.view(question.query.get("period", ""))
        stated = view.statement
        return self._rendered(
            "overview.html",
            question,
            title="Overview",
            view=view,
            s=stated,
            verdict=verdict(stated),
            figures=figures(stated),
            plots=[
                plot.replace(f"<style>{STYLE}</style>", "") for plot in (*saving_plot(stated), *quality_plot(stated))
            ],
            steps=list(steps(stated)),
            quality=quality_lines(stated),
            misroute=misroute_lines(stated),
            certificates=certificate_lines(stated),
            included=list(included(stated)),
            shares=[("Route", stated.routes), ("Team", stated.teams)],
            road=milestones(stated, self._installation),
            here=view.road,
        )

    def _series(self, question: Question) -> Page:
        found = self._queries.view(question.query.get("period", "")).series
        return Page(body=msgspec.json.encode(found).decode(), content_type="application/json")

    def _decisions(self, question: Question) -> Page:
        shelf = self._queries.decisions(question.query)
        kept = {name: value for name, value in question.query.items() if name != "before" and value}
        more = urlencode({**kept, "before": cursor_text(shelf.more)}) if shelf.more else ""
        template = "decision_rows.html" if question.fragment else "decisions.html"
        return self._rendered(
            template,
            question,
            title="Decisions",
            entries=shelf.entries,
            more=more,
            query=question.query,
            choices={} if question.fragment else self._queries.choices(question.query),
            reasons=REASONS,
        )

    def _decision(self, question: Question) -> Page:
        entry = self._queries.decision(question.query.get("id", ""))
        if entry is None:
            problem = "There is no such decision, or no longer."
            return self._rendered("problem.html", question, 404, title="Not found", problem=problem)
        return self._rendered("decision.html", question, title="One decision", e=entry, x=explanation(entry))

    def _models(self, question: Question) -> Page:
        view = self._queries.view(question.query.get("period", ""))
        rows = {row.model: row for row in view.statement.models}
        configured = {model.name: model for model in self._installation.models}
        names = [*configured, *(name for name in rows if name not in configured)]
        return self._rendered(
            "models.html", question, title="Models", view=view, names=names, rows=rows, configured=configured
        )

    def _road(self, question: Question) -> Page:
        view = self._queries.view(question.query.get("period", ""))
        return self._rendered(
            "road.html",
            question,
            title="The road",
            view=view,
            road=milestones(view.statement, self._installation),
            here=view.road,
        )

    def _certificates(self, question: Question) -> Page:
        standings = {standing.certificate: standing for standing in question.live.standings}
        return self._rendered(
            "certificates.html",
            question,
            title="Certificates",
            promises=self._queries.promises(),
            standings=standings,
            now=datetime.now(UTC),
        )

    def _keys(self, question: Question) -> Page:
        found = self._queries.purses(self._installation)
        return self._rendered("keys.html", question, title="Keys and budgets", purses=found)

    def _rendered(self, template: str, question: Question, status_code: int = 200, **shown: Any) -> Page:
        made = _templates().get_template(template)
        body = made.render(
            **shown,
            menu=MENU,
            current=question.page,
            installation=self._installation,
            live=question.live,
            periods=PERIODS,
        )
        return Page(body=body, status_code=status_code)


@cache
def _templates() -> Environment:
    made = templates("fairlead.dashboard")
    made.filters["moment"] = lambda seconds: f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    made.filters["marked"] = _marked
    return made


def _marked(text: str) -> Markup:
    """Returns words with what stands between backticks as code; everything in them is text, not markup."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))
