"""The matrix's page: written, read back, one column renewed."""

from tests.conformance.table import Cell, Column, read, renewed, table


def row(name: str, outcome: str, text: str = "", group: str = "step", mode: str = "long") -> dict[str, str]:
    return {"group": group, "name": name, "mode": mode, "outcome": outcome, "text": text}


def results(*rows: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    return {"behaviours": list(rows)}


HERE = Column.of("here", results(row("hlt", "works"), row("iret_to_cpl3", "works", "one step"), row("int", "impossible", "no INT")))
THERE = Column.of("there", results(row("hlt", "impossible", "no HLT"), row("int", "impossible", "no INT"), row("mov_ss", "fails", "0x17")))


class TestTable:
    def test_a_page_is_read_back_as_it_was(self) -> None:
        text = table([HERE, THERE])
        assert read(text) == [HERE, THERE]
        assert table(read(text)) == text

    def test_one_reason_has_one_number(self) -> None:
        text = table([HERE, THERE])
        assert text.count("no INT") == 1
        assert "| int | long | no (2) | no (2) |" in text

    def test_a_renewed_column_changes_no_other(self) -> None:
        text = renewed(table([HERE, THERE]), Column.of("there", results(row("hlt", "works"))))
        here, there = read(text)
        assert here == HERE
        assert there.rows == {("step", "hlt", "long"): Cell("works")}

    def test_a_column_that_the_page_lacks_is_added(self) -> None:
        assert read(renewed(table([HERE]), THERE)) == [HERE, THERE]

    def test_results_in_parts_are_one_column(self) -> None:
        parts = Column.of("here", results(row("int", "impossible", "no INT")), results(row("hlt", "works"), row("iret_to_cpl3", "works", "one step")))
        assert renewed(table([HERE, THERE]), parts) == table([HERE, THERE])

    def test_a_failure_says_nothing_that_changes_from_run_to_run(self) -> None:
        again = Column.of("there", results(row("hlt", "impossible", "no HLT"), row("int", "impossible", "no INT"), row("mov_ss", "fails", "0x18")))
        assert renewed(table([HERE, THERE]), again) == table([HERE, THERE])
