"""The outcome table: prompts by models, what each scored and used; read, checked, split and written."""

from fairlead.outcomes.joining import join
from fairlead.outcomes.prices import table_price
from fairlead.outcomes.table import Outcomes

__all__ = ["Outcomes", "join", "table_price"]
