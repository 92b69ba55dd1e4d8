"""What every command prints: texts of others are shown as they are."""

import msgspec
import pytest

from fairlead.cli.output import emit, table


class Told(msgspec.Struct, kw_only=True, frozen=True):
    words: str


@pytest.mark.parametrize("words", ["add `[providers.NAME]`", "[red]alert[/red]", "[/]", ":warning: :cat:"])
def test_brackets_and_colons_are_no_markup_for_people(capsys, words):
    rows = table("said")
    rows.add_row(words)
    emit(Told(words=words), lambda console: console.print(rows, words), as_json=False)
    assert capsys.readouterr().out.count(words) == 2


def test_a_result_is_written_whole_beside_what_people_see(tmp_path, capsys):
    emit(Told(words="x"), lambda console: console.print("seen"), as_json=False, out=tmp_path / "told.json")
    assert capsys.readouterr().out == "seen\n"
    assert msgspec.json.decode((tmp_path / "told.json").read_bytes()) == {"words": "x"}
