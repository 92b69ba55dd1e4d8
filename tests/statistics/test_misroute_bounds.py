"""The bounds of the misroute rate hold it, however the two scores of a request hang together.

Found, 2,000 repetitions each, seed 5: see the table of `design/statement.md`.
"""

from __future__ import annotations

import numpy as np
import pytest

from fairlead.proof.counterfactual import MIN_SESSIONS, Arm, project
from fairlead.proof.misroute import bounds

pytestmark = pytest.mark.slow

N_REPETITIONS = 2_000


def _scores(rng, n_sessions, together):
    """Returns session, the reference's scores and the served ones; `together` from -1 to 1 ties the two."""
    session = np.repeat(np.arange(n_sessions), rng.geometric(1 / 2, n_sessions))
    level, u = rng.normal(0, 0.5, n_sessions)[session], rng.random(len(session))
    own = rng.random(len(session))
    other = np.where(rng.random(len(session)) < abs(together), u if together > 0 else 1 - u, own)
    right = 1 / (1 + np.exp(-(1.4 + level)))
    return session, (u < right).astype(float), (other < right - 0.08).astype(float)


@pytest.mark.parametrize("together", [-1.0, 0.0, 1.0])
def test_the_bounds_hold_the_rate(together):
    rng, hits = np.random.default_rng(5), []
    while len(hits) < N_REPETITIONS:
        session, reference, served = _scores(rng, 300, together)
        in_control = (rng.random(300) < 0.2)[session]
        if len(np.unique(session[in_control])) < MIN_SESSIONS:
            continue
        known, unseen = (
            Arm(session=session[arm], expected=np.full(arm.sum(), np.nan), observed=reference[arm])
            for arm in (in_control, ~in_control)
        )
        total = project(known, unseen, bounds=(0.0, 1.0)).interval()
        found = bounds(total, served[~in_control].sum(), len(unseen.session))
        hits.append(found.low <= np.maximum(reference - served, 0)[~in_control].sum() <= found.high)
    assert np.mean(hits) >= 0.95
