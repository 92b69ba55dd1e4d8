"""The outcome table: prompts by models, what each scored and used; read, checked, split and written."""

from fairlead.outcomes.joining import join, with_model
from fairlead.outcomes.prices import read_prices, table_price
from fairlead.outcomes.table import Outcomes

__all__ = ["Outcomes", "join", "read_prices", "table_price", "with_model"]
