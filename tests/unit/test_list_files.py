"""Files as Excel, Google Sheets, 1C and CRMs export them become the same people, whatever their form."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integration.domain.call_lists.cells import Problem, read_phone_cell, read_zone_cell
from integration.domain.call_lists.columns import guess
from integration.domain.call_lists.rows import read_row
from integration.domain.call_lists.text_files import Encoding, Separator, encoding_of, read_text_table, records
from integration.domain.numbers.numbering import Numbering
from integration.domain.numbers.zones import possible_zones_of
from integration.ports.list_files import FileTrouble, ReadingChoice, RowReading, UnreadableFile
from integration.spreadsheets import messages, workbooks
from integration.spreadsheets.worker import read, run

RU, UA = Numbering("RU"), Numbering("UA")
HEADINGS = ("ФИО", "Телефон", "Примечание")
PEOPLE = [("Иванов Иван", "8 (916) 123-45-67", "перезвонить"), ("Петрова Анна", "+7 926 234-56-78", "1; 2, 3")]


def numbers_of(cell: str, numbering: Numbering = RU) -> list[str]:
    return [number.e164 for number in read_phone_cell(cell, numbering).numbers]


def problem_of(cell: str) -> Problem | None:
    found = read_phone_cell(cell, RU).problem
    return None if found is None else found.problem


def table(rows: Sequence[Sequence[str]], separator: Separator, end: str = "\r\n") -> str:
    def cell(text: str) -> str:
        special = any(sign in text for sign in (separator.value, '"', "\r", "\n"))
        return '"' + text.replace('"', '""') + '"' if special else text

    return "".join(separator.value.join(map(cell, row)) + end for row in rows)


def cells_of(data: bytes, choice: ReadingChoice | None = None) -> list[list[str]]:
    return [list(row.cells) for row in read(data, choice or ReadingChoice())[1]]


# ---- encodings and separators


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("separator", Separator)
def test_every_encoding_and_separator_is_recognised(encoding: Encoding, separator: Separator) -> None:
    data = table([HEADINGS, *PEOPLE], separator).encode(encoding.value)
    assert cells_of(data) == [list(row) for row in (HEADINGS, *PEOPLE)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ИВАНОВ ИВАН;89161234567", "cp1251"),
        ("телефон\n89161234567", "cp1251"),
        ("телефон\n89161234567", "cp866"),
        ("Имя;Телефон", "koi8-u"),
        ("Ім’я;Телефон\nЮрій Їжак;0671234567", "cp1251"),
        ("№ п/п;ООО «Ромашка»;89161234567", "cp1251"),
        ("ФИО;Телефон\nАнна;89161234567", "utf-16-le"),  # without the mark
        ("phone\n89161234567", "ascii"),
    ],
)
def test_short_files_are_read_in_their_own_encoding(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    assert read_text_table(data).text == text, encoding_of(data)


def test_a_few_broken_characters_do_not_make_another_encoding() -> None:
    data = "Анна;89161234567\n".encode() * 50 + b"\xff\xfe\n"
    assert encoding_of(data) is Encoding.UTF_8


def test_the_line_for_excel_names_the_separator() -> None:
    read_table = read_text_table(b"sep=,\r\nname,phone\r\nAnn,89161234567\r\n")
    assert read_table.separator is Separator.COMMA
    assert next(cells for _, cells in read_table.records()) == ["name", "phone"]


@pytest.mark.parametrize("text", ["Телефон\n89161234567\n89262345678\n", "7,91612E+10\n7,92612E+10\n"])
def test_a_file_of_one_column_has_no_separator(text: str) -> None:
    assert read_text_table(text.encode()).separator is None


def test_a_stray_quote_does_not_swallow_the_file() -> None:
    text = 'ООО "Рога;89161234567\n"Копыта;89262345678\n' + "Анна;89161234568\n" * 1000
    read_rows = [cells for _, cells in records(text, Separator.SEMICOLON)]
    assert len(read_rows) == 1002
    assert read_rows[:2] == [['ООО "Рога', "89161234567"], ['"Копыта', "89262345678"]]


def test_a_quoted_cell_may_have_lines_and_the_next_row_keeps_its_number() -> None:
    text = 'Анна;"одна\r\nдве ""три"""\r\nБорис;x'
    assert list(records(text, Separator.SEMICOLON)) == [(1, ["Анна", 'одна\r\nдве "три"']), (3, ["Борис", "x"])]


_cell = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from('";,|\t\n'), max_size=12
)


@given(st.lists(st.lists(_cell, min_size=2, max_size=4), min_size=1, max_size=6), st.sampled_from(Separator))
@example([["", ""]], Separator.TAB)
def test_what_was_written_as_csv_is_read_back(rows: list[list[str]], separator: Separator) -> None:
    rows = [[" ".join(cell.split(" ")).strip(" \t") if '"' in cell else cell for cell in row] for row in rows]
    written = [[cell.replace("\t", " ") if separator is Separator.TAB else cell for cell in row] for row in rows]
    text = table([[f"a{cell}" for cell in row] for row in written], separator)
    assert [cells for _, cells in records(text, separator)] == [[f"a{cell}" for cell in row] for row in written]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        rows = list(read(data, ReadingChoice())[1])
    except UnreadableFile:
        return
    mapping = guess([row.cells for row in rows], RU)
    for row in rows:
        read_row(row.cells, mapping, RU)


# ---- numbers


@pytest.mark.parametrize(
    "cell",
    [
        "89161234567", "+7 (916) 123-45-67", "79161234567.0", "79161234567,00", "7.9161234567E+10", "7,9161234567E+10",
        "'89161234567", "’+79161234567", '="89161234567"', "=+79161234567", "тел. 8 916 123 45 67", "9161234567",
        "8\xa0916\xa0123‑45‑67", "8(916)123-45-67 моб", "8 9161234567",
    ],
)  # fmt: skip
def test_a_number_is_read_however_a_program_wrote_it(cell: str) -> None:
    assert numbers_of(cell) == ["+79161234567"]


def test_a_letter_for_a_nought_is_read_as_a_nought() -> None:
    assert numbers_of("891612345О7") == ["+79161234507"]


@pytest.mark.parametrize(
    "cell",
    [
        "89161234567, 89262345678", "89161234567;89262345678", "89161234567 / 89262345678", "89161234567|89262345678",
        "89161234567\n89262345678", "8 916 123-45-67 или 8 926 234-56-78", "+7 916 123-45-67 ::: +7 926 234-56-78",
        "89161234567  89262345678", "89161234567, 89161234567, 8-926-234-56-78",
    ],
)  # fmt: skip
def test_several_numbers_of_a_cell_keep_their_order_and_are_there_once(cell: str) -> None:
    assert numbers_of(cell) == ["+79161234567", "+79262345678"]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("7,91612E+10", Problem.SHORTENED),
        ("7.91612E+10", Problem.SHORTENED),
        ("7,916123456E+10", Problem.SHORTENED),
        ("=A2&B2", Problem.FORMULA),
        ("=", Problem.FORMULA),
        ("#ЗНАЧ!", Problem.BROKEN_CELL),
        ("#VALUE!", Problem.BROKEN_CELL),
        ("########", Problem.BROKEN_CELL),
        ("112", Problem.NOT_CALLED),
        ("8-809-505-10-10", Problem.NOT_CALLED),
        ("8916", Problem.NOT_A_NUMBER),
        ("уточнить", Problem.NOT_A_NUMBER),
        ("ivan@example.org", Problem.NOT_A_NUMBER),
    ],
)
def test_what_is_no_number_says_why(cell: str, problem: Problem) -> None:
    assert problem_of(cell) is problem
    assert numbers_of(cell) == []


@given(st.integers(0, 9999999), st.sampled_from(["{}", "{}.0", "{},0", "+{}", "'{}", '="{}"', " {} ", "{};", "тел {}"]))
def test_a_number_survives_every_program(rest: int, form: str) -> None:
    digits = f"7916{rest:07}"
    if len(set(digits[1:])) > 1:
        assert numbers_of(form.format(digits)) == [f"+{digits}"]


@given(st.integers(0, 9999999), st.integers(1, 9))
def test_a_number_that_excel_has_shortened_is_never_guessed(rest: int, places: int) -> None:
    assert numbers_of(f"{float(f'7916{rest:07}'):.{places}E}".replace(".", ",")) == []


@pytest.mark.parametrize(
    ("cell", "zone"),
    [
        ("МСК+2", "Etc/GMT-5"), ("UTC+5", "Etc/GMT-5"), ("+5", "Etc/GMT-5"), ("5", "Etc/GMT-5"),
        ("МСК", "Europe/Moscow"), ("Europe/Samara", "Europe/Samara"), ("msk-1", "Etc/GMT-2"), ("UTC-3", "Etc/GMT+3"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("завтра", None), ("", None), ("+99", None), ("UTC", "Etc/GMT+0"),
    ],
)  # fmt: skip
def test_a_time_zone_is_read_as_people_write_it(cell: str, zone: str | None) -> None:
    assert read_zone_cell(cell) == zone


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+74951234567", {"Europe/Moscow"}),
        ("+74012123456", {"Europe/Kaliningrad"}),
        ("+77012345678", {"Asia/Almaty"}),
        ("+375291234567", {"Europe/Minsk"}),
        ("+380671234567", {"Europe/Kyiv"}),
        ("+99912", set()),
    ],
)
def test_the_zones_of_a_number_are_those_of_its_country(number: str, zones: set[str]) -> None:
    assert set(possible_zones_of(number)) == zones


def test_a_russian_mobile_may_be_anywhere_in_russia_and_nowhere_else() -> None:
    zones = set(possible_zones_of("+79161234567"))
    assert {"Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka"} <= zones
    assert not zones & {"Asia/Almaty", "Europe/Bucharest"}


# ---- columns


def roles(rows: Sequence[Sequence[str]], numbering: Numbering = RU) -> list[str]:
    return [role.value for role in guess(rows, numbering).roles]


def test_a_report_of_1c_has_a_title_above_its_headings() -> None:
    rows = [
        ["Список контрагентов", "", "", ""],
        ["на 01.11.2026", "", "", ""],
        ["№ п/п", "Наименование", "ИНН", "Телефон"],
        ["1", "ООО Ромашка", "7701234567", "(495) 123-45-67"],
    ]
    mapping = guess(rows, RU)
    assert (mapping.heading, mapping.first) == (2, 3)
    assert roles(rows) == ["", "name", "", "phone"]


def test_an_export_of_a_crm_has_several_columns_of_numbers_and_names() -> None:
    head = [
        "ID",
        "Полное имя контакта",
        "Имя",
        "Фамилия",
        "Ответственный",
        "Рабочий телефон",
        "Мобильный телефон",
        "Факс",
    ]
    row = ["12345678", "Анна Ли", "Анна", "Ли", "Ольга", "+74951234567", "'+79161234567", "+74957654321"]
    assert roles([head, row]) == ["", "name", "", "", "responsible", "phone", "phone", ""]
    read_one = read_row(row, guess([head, row], RU), RU)
    assert [number.e164 for number in read_one.numbers] == ["+74951234567", "+79161234567"]


def test_parts_of_a_name_are_joined_in_their_order() -> None:
    rows = [["Фамилия", "Имя", "Отчество", "Моб."], ["Ли", "Анна", "", "89161234567"]]
    assert read_row(rows[1], guess(rows, RU), RU).name == "Ли Анна"


def test_labels_of_google_contacts_are_no_numbers() -> None:
    rows = [["First Name", "Phone 1 - Label", "Phone 1 - Value"], ["Ann", "Mobile", "+7 916 123-45-67"]]
    assert roles(rows) == ["name", "", "phone"]


def test_without_headings_the_numbers_tell_the_columns() -> None:
    assert roles([["Анна", "89161234567"], ["Борис", "89262345678"]]) == ["name", "phone"]
    assert guess([["Анна", "89161234567"]], RU).first == 0


def test_ukrainian_headings_and_local_numbers() -> None:
    rows = [["ПІБ", "Телефон", "Примітка"], ["Юрій Їжак", "067 123-45-67", "дзвонити зранку"]]
    assert roles(rows, UA) == ["name", "phone", "comment"]
    assert [number.e164 for number in read_row(rows[1], guess(rows, UA), UA).numbers] == ["+380671234567"]


def test_a_row_without_numbers_says_so_and_one_bad_number_of_two_is_a_remark() -> None:
    rows = [["Имя", "Телефон", "Телефон 2"], ["Анна", "89161234567", "8926"], ["Борис", "", ""]]
    mapping = guess(rows, RU)
    anna, boris = read_row(rows[1], mapping, RU), read_row(rows[2], mapping, RU)
    assert [number.e164 for number in anna.numbers] == ["+79161234567"]
    assert [each.problem for each in anna.problems] == [Problem.NOT_A_NUMBER]
    assert [each.problem for each in boris.problems] == [Problem.NO_NUMBER]


# ---- workbooks


def workbook(rows: Sequence[Sequence[object]], title: str = "Лист & 1") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_a_workbook_gives_numbers_as_people_typed_them() -> None:
    data = workbook([[], ["Имя", "Телефон"], ["Анна", 79161234567], ["Борис", 79262345678.0]])
    form, rows = read(data, ReadingChoice())
    assert form.sheets == ("Лист & 1",)
    assert [(row.line, row.cells) for row in rows] == [
        (2, ("Имя", "Телефон")),
        (3, ("Анна", "79161234567")),
        (4, ("Борис", "79262345678")),
    ]


def test_a_formula_without_a_result_is_no_empty_cell() -> None:
    rows = cells_of(workbook([["Имя", "Телефон"], ["Анна", '="8916"&"1234567"'], ["Борис", ""]]))
    assert rows[1] == ["Анна", "="]
    assert rows[2] == ["Борис", ""]


def test_the_first_sheet_with_rows_is_taken_unless_somebody_chooses() -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Клиенты").append(["89161234567"])
    book.create_sheet("Ещё").append(["89262345678"])
    target = io.BytesIO()
    book.save(target)
    assert cells_of(target.getvalue()) == [["89161234567"]]
    assert cells_of(target.getvalue(), ReadingChoice(sheet="Ещё")) == [["89262345678"]]


def test_a_page_that_is_called_xls_is_read_as_a_table() -> None:
    rows = "<tr><th>Имя<th>Телефон</tr><tr><td>Анна &amp; Ко</td><td>8916<br>x</td></tr>"
    page = f"<html><meta charset='utf-8'><table>{rows}"
    assert cells_of(page.encode()) == [["Имя", "Телефон"], ["Анна & Ко", "8916\nx"]]


def bomb() -> bytes:
    target = io.BytesIO()
    name = "xl/worksheets/sheet1.xml"
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open(name, "w", force_zip64=True) as part,
    ):
        for _ in range(workbooks.MOST_UNPACKED // (1 << 20) + 1):
            part.write(b"0" * (1 << 20))
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (b"", FileTrouble.EMPTY),
        (b"\r\n \r\n", FileTrouble.EMPTY),
        (b"%PDF-1.7 ...", FileTrouble.UNREADABLE),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), FileTrouble.UNREADABLE),
        (b"PK\x03\x04 not a workbook", FileTrouble.UNREADABLE),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), FileTrouble.PROTECTED),
    ],
)
def test_what_is_no_list_is_refused_with_its_reason(data: bytes, trouble: FileTrouble) -> None:
    with pytest.raises(UnreadableFile) as refused:
        list(read(data, ReadingChoice())[1])
    assert refused.value.trouble is trouble


def test_a_workbook_that_unpacks_to_anything_is_refused_before_it_is_opened() -> None:
    with pytest.raises(UnreadableFile) as refused:
        read(bomb(), ReadingChoice())
    assert refused.value.trouble is FileTrouble.TOO_LARGE


# ---- the worker's messages


@pytest.mark.parametrize("encoding", [None, *Encoding])
def test_an_order_survives_its_way_to_the_worker(encoding: Encoding | None) -> None:
    choice = ReadingChoice(encoding=encoding, sheet="Лист")
    reading = RowReading(guess([["Анна", "89161234567"]], RU), UA)
    assert messages.read_order(json.loads(json.dumps(messages.order(choice, reading)))) == (choice, reading)


def test_rows_are_read_behind_the_headings_only() -> None:
    data = table([HEADINGS, *PEOPLE], Separator.SEMICOLON).encode()
    reading = RowReading(guess([HEADINGS, *PEOPLE], RU), RU)
    target = io.StringIO()
    run(io.BytesIO(data), target, ReadingChoice(), reading)
    said = [json.loads(line) for line in target.getvalue().splitlines()]
    rows = [messages.read_row(each) for each in said[1]]
    assert [row.line for row in rows] == [2, 3]
    assert [number.e164 for row in rows if row.read for number in row.read.numbers] == ["+79161234567", "+79262345678"]
    assert said[-1] == {"end": True}


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.spreadsheets.worker.MOST_ROWS", 2)
    target = io.StringIO()
    run(io.BytesIO(b"1\n2\n3\n"), target, ReadingChoice())
    assert json.loads(target.getvalue().splitlines()[-1]) == {"trouble": "too_many_rows"}
