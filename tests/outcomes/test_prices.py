"""Prices are read digit by digit, named by their content, and refused where they make no sense."""

from decimal import Decimal

import pytest

from fairlead.errors import TableError
from fairlead.outcomes.prices import read_prices, table_price, write_prices
from fairlead.types import Rate

HEAD = "model,input_usd_per_mtok,output_usd_per_mtok,source\n"


def test_digits_are_kept_as_written(tmp_path):
    (tmp_path / "prices.csv").write_text(HEAD + "m,0.1000000000000000055511,2.675,somewhere\n")
    price = read_prices(tmp_path)["m"]
    assert price.input.base == Decimal("0.1000000000000000055511")
    assert (price.output.base, price.source, price.estimated) == (Decimal("2.675"), "somewhere", True)


def test_own_prices_win_over_those_of_the_parent(tmp_path):
    folder = tmp_path / "table"
    folder.mkdir()
    (tmp_path / "prices.csv").write_text(HEAD + "m,1,1,\n")
    assert read_prices(folder)["m"].input.base == 1
    (folder / "prices.csv").write_text(HEAD + "m,2,2,\n")
    assert read_prices(folder)["m"].input.base == 2


def test_no_file_is_no_price(tmp_path):
    assert read_prices(tmp_path / "table") == {}


def test_models_that_hide_their_reasoning_have_no_price(tmp_path):
    (tmp_path / "prices.csv").write_text(HEAD + "o1-mini,3,12,\no10,1,1,\n")
    assert list(read_prices(tmp_path)) == ["o10"]


def test_id_names_the_content():
    price = table_price(Decimal("0.5"), Decimal(1), source="a")
    assert price.id == table_price(Decimal("0.50"), Decimal("1.0"), source="a").id
    others = [
        table_price(Decimal("0.6"), Decimal(1), source="a"),
        table_price(Decimal(1), Decimal("0.5"), source="a"),
        table_price(Decimal("0.5"), Decimal(1), source="b"),
    ]
    assert price.id not in {other.id for other in others}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,input_usd_per_mtok\nm,1\n", "has no column `output_usd_per_mtok`"),
        (HEAD + "m,1,1,\nm,2,2,\n", "row 2: `m` has a price already"),
        (HEAD + "m,cheap,1,\n", "row 1, column `input_usd_per_mtok` is 'cheap'; expected USD per million tokens"),
        (HEAD + "m,1,-1,\n", "row 1, column `output_usd_per_mtok` is '-1'"),
        (HEAD + "m,1,NaN,\n", "row 1, column `output_usd_per_mtok` is 'NaN'"),
        (HEAD + "m,1\n", "row 1, column `output_usd_per_mtok` is ''"),
    ],
)
def test_bad_price_is_refused_with_its_place(tmp_path, text, message):
    (tmp_path / "prices.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        read_prices(tmp_path)


def test_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "prices.csv").write_bytes(HEAD.encode() + b"m,1,1,\xe9\n")
    with pytest.raises(TableError, match="is not UTF-8"):
        read_prices(tmp_path)


def test_written_prices_are_read_back(tmp_path):
    prices = {"m, with comma": table_price(Decimal("0.10"), Decimal("1E+2"), source='a "b"')}
    write_prices(tmp_path, prices)
    assert read_prices(tmp_path) == prices


def test_price_with_tiers_cannot_be_written(tmp_path):
    price = table_price(Decimal(1), Decimal(1), source="")
    object.__setattr__(price, "input", Rate(base=Decimal(1), tiers=((200_000, Decimal(2)),)))
    with pytest.raises(TableError, match="the price of `m` has tiers"):
        write_prices(tmp_path, {"m": price})
