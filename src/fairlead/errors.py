"""Every error Fairlead raises on purpose.

    FairleadError
    ├── ConfigError              a setting is missing, unknown or out of range
    ├── CatalogError             a model or a price is not known, or known twice
    ├── TableError               an outcome table cannot be read as one
    ├── ArtifactError            a saved router cannot be read
    ├── RequestError             a request cannot be understood or served as asked
    ├── WireError                bytes from a provider are not in its dialect, or a request cannot be put into it
    ├── NotFittedError           an estimator was used before `fit`
    ├── NotEnoughPointsError     a statistic needs more distinct points
    ├── NoCandidateError         every candidate was excluded; lists why
    ├── MissingExtraError        an optional dependency is not installed; prints the install line
    ├── ProviderError            one upstream call failed
    │   ├── ProviderTimeoutError        a limit on waiting ran out
    │   ├── RateLimitError              the provider asks to slow down
    │   ├── UnavailableError            the provider cannot serve now (5xx, refused, reset)
    │   ├── BadResponseError            the reply is not what the dialect promises (cut, malformed)
    │   ├── RefusedRequestError         the provider rejects this request (4xx)
    │   │   ├── ContextLengthError          it is too long for the model
    │   │   └── ContentPolicyError          it is against the provider's rules
    │   └── CredentialsError            the provider rejects our key (401, 403)
    ├── AllAttemptsFailedError   every step of the plan failed; a group holding every cause
    ├── LimitExceededError       a limit of a key or route would be exceeded
    │   └── BudgetExceededError         of money
    └── LedgerError              rows cannot be written or do not add up
        └── MissingRowError             a row speaks of one that the ledger does not hold

A message gives the place, the value, what was expected and the next step, with code in backticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal


class FairleadError(Exception):
    """Base of every error in this file."""


class ConfigError(FairleadError):
    """A setting is missing, unknown or out of range."""


class CatalogError(FairleadError):
    """A model or a price is not known, or known twice."""


class TableError(FairleadError):
    """An outcome table cannot be read as one; names file, row and column."""


class ArtifactError(FairleadError):
    """A saved router cannot be read; says why."""


class RequestError(FairleadError):
    """A request cannot be understood or served as asked.

    Attributes:
        status_code: the HTTP status that says so.
        param: the field at fault, where there is one.
        code: a stable machine-readable word, such as `model_not_found`.
    """

    def __init__(
        self, message: str, *, status_code: int = 400, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.param = param
        self.code = code


class WireError(FairleadError):
    """Bytes from a provider are not what its dialect promises, or a request cannot be put into that dialect.

    Attributes:
        code: the provider's own word for it, where it gave one.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class NotFittedError(FairleadError):
    """An estimator was used before `fit`."""


class NotEnoughPointsError(FairleadError):
    """A statistic needs more distinct points than it was given."""


class NoCandidateError(FairleadError):
    """Every candidate was excluded.

    Attributes:
        excluded: candidate name -> reason.
    """

    def __init__(self, excluded: Mapping[str, str], *, hint: str = "") -> None:
        listed = "; ".join(f"`{name}`: {reason}" for name, reason in excluded.items())
        super().__init__(f"no candidate can serve this request ({listed or 'none is configured'}){hint}")
        self.excluded = dict(excluded)


class MissingExtraError(FairleadError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs `{package}`, which is not installed. Run `pip install 'fairlead[{extra}]'`.")


class ProviderError(FairleadError):
    """One upstream call failed.

    Attributes:
        model: candidate name.
        status_code: HTTP status of the reply, `None` where none arrived.
        retryable: the same call may succeed if made again.
        retry_after_s: the provider's own wish, seconds.
        request_id: the provider's own id of the call.
        code: the provider's own word for the failure, such as `context_length_exceeded`.
        param: the field of the request that the provider finds fault with.
        billed: output may have been produced before the failure, so the cost is unknown rather than zero.
    """

    retryable_by_default = False

    def __init__(
        self,
        message: str,
        *,
        model: str,
        status_code: int | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        request_id: str | None = None,
        code: str | None = None,
        billed: bool = False,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.status_code = status_code
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.retry_after_s = retry_after_s
        self.request_id = request_id
        self.code = code
        self.param: str | None = None
        self.billed = billed


class ProviderTimeoutError(ProviderError):
    """A limit on waiting ran out; a silent host is not asked again."""


class RateLimitError(ProviderError):
    """The provider asks to slow down."""

    retryable_by_default = True


class UnavailableError(ProviderError):
    """The provider cannot serve now: 5xx, connection refused or reset."""

    retryable_by_default = True


class BadResponseError(ProviderError):
    """The reply is not what the dialect promises: cut, malformed, empty."""

    retryable_by_default = True


class RefusedRequestError(ProviderError):
    """The provider rejects this request (4xx): asking again changes nothing."""


class ContextLengthError(RefusedRequestError):
    """The request is too long for the model: one with a larger context may take it."""


class ContentPolicyError(RefusedRequestError):
    """The request is against the provider's rules: nobody else is asked, and the caller is told."""


class CredentialsError(ProviderError):
    """The provider rejects our key."""


class AllAttemptsFailedError(FairleadError):
    """Every step of the plan failed.

    Attributes:
        causes: one `ProviderError` an attempt, in order.
    """

    def __init__(self, causes: Sequence[ProviderError]) -> None:
        listed = "; ".join(f"`{cause.model}`: {cause}" for cause in causes)
        n = f"all {len(causes)} attempts" if len(causes) != 1 else "the only attempt"
        super().__init__(f"{n} failed ({listed})")
        self.causes = tuple(causes)


class LimitExceededError(FairleadError):
    """A limit of a key or route would be exceeded: nothing was called.

    Attributes:
        kind: what is limited: `usd`, `requests`, `tokens` or `parallel`.
        owner: whose limit it is, `route:NAME` or `key:ID`.
        most: the limit.
        remaining: what is left of it.
        retry_after_s: when to ask again, seconds; `None` where that would be in vain.
        exhausted: what was settled alone leaves too little, whatever becomes of the requests in flight.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        owner: str,
        most: Decimal,
        remaining: Decimal,
        retry_after_s: float | None,
        exhausted: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.owner = owner
        self.most = most
        self.remaining = remaining
        self.retry_after_s = retry_after_s
        self.exhausted = exhausted


class BudgetExceededError(LimitExceededError):
    """A hard budget would be overspent."""


class LedgerError(FairleadError):
    """Ledger rows cannot be written, or do not add up."""


class MissingRowError(LedgerError):
    """A row speaks of one that the ledger does not hold, such as feedback on a decision that nobody made."""
