"""Files as data that knows its places, and nothing but InvalidInput when they are broken."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from tagfleet.models.errors import InvalidInput
from tagfleet.routing_rules import positions
from tagfleet.routing_rules.positions import Document, read_documents, read_file
from tagfleet.routing_rules.scalars import WrittenFloat, WrittenInt


def read(text: str | bytes, source: str = "f.yaml") -> list[Document]:
    return read_documents(text.encode() if isinstance(text, str) else text, source)


def problem(text: str | bytes, source: str = "f.yaml") -> str:
    with pytest.raises(InvalidInput) as caught:
        read(text, source)
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize(
    "word",
    [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "True",
        "NULL",
        "012",
        "1:30",
        "0x1F",
        "1_000",
        "2026-01-01",
        ".inf",
        "007.5",
        "1e999",
    ],
)
def test_words_that_only_look_like_something_else_are_text(word: str) -> None:
    assert read(f"a: {word}")[0].data == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("+5", 5),
        ("3.10", 3.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ('"1"', "1"),
        ("'~'", "~"),
    ],
)
def test_the_values_of_yaml_1_2(word: str, value: object) -> None:
    found = read(f"a: {word}")[0].data["a"]
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize("source", ["f.yaml", "f.json"])
def test_numbers_keep_their_text(source: str) -> None:
    whole, real, long = read(f"[12, 3.10, {'9' * 5000}]", source)[0].data
    assert (whole, whole.text, real, real.text) == (12, "12", 3.1, "3.10")
    assert long == "9" * 5000


@pytest.mark.parametrize("number", [WrittenInt("+5"), WrittenFloat("3.10")])
def test_written_numbers_survive_copies_and_pickles(number: Any) -> None:
    for same in (copy.deepcopy(number), pickle.loads(pickle.dumps(number))):
        assert (same, same.text, type(same)) == (number, number.text, type(number))
    assert json.loads(json.dumps(number)) == number


def test_places_of_values_and_of_keys() -> None:
    (document,) = read("a:\n  - b: 1\n    c: [x, y]\n")
    assert document.problem("a[0].c[1]", "wrong") == "f.yaml:3:12: a[0].c[1]: wrong"
    assert document.problem("a[0].c", "wrong", at_key=True) == "f.yaml:3:5: a[0].c: wrong"
    # What is not there is looked for where it should be.
    assert document.problem("a[0].d.e", "missing") == "f.yaml:2:5: a[0].d.e: missing"
    assert document.problem("[.[.", "odd") == "f.yaml:1:1: [.[.: odd"
    assert document.problem("", "wrong") == "f.yaml:1:1: wrong"
    assert document.place("a[0].b") == "f.yaml:2:8"


def test_problems_of_a_schema_get_their_places() -> None:
    (document,) = read("a:\n  b: 1\n  tyop: 2\n")
    error = ValidationError({"b": ["Bad."], "tyop": ["unknown field, did you mean 'typo'?"]})
    assert document.problems(error, "a") == [
        "f.yaml:2:6: a.b: Bad",
        "f.yaml:3:3: a.tyop: unknown field, did you mean 'typo'?",
    ]
    assert document.problems(ValidationError("Bad."), "a") == ["f.yaml:2:3: a: Bad"]


def test_several_documents_keep_the_lines_of_their_file() -> None:
    first, second = read("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n")
    assert (first.data, second.data) == ({"a": 1}, {"b": 2})
    assert second.place("b") == "f.yaml:7:4"
    assert read("") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: {c: 1, c: 2}", "f.yaml:2:11: b: duplicate key 'c' (first at line 2)"),
        ("a: &x 1", "f.yaml:1:4: anchors (&name) are not allowed"),
        ("- *x", "f.yaml:1:3: aliases (*name) are not allowed: write the value out"),
        ("a: &a [*a]", "f.yaml:1:4: anchors (&name) are not allowed"),
        ("<<: {a: 1}", "f.yaml:1:1: merge keys are not allowed: write the values out"),
        (
            "a: !!str 1",
            "f.yaml:1:4: the tag tag:yaml.org,2002:str is not allowed: quote what must be text",
        ),
        (
            "!!python/object:os.system {}",
            "f.yaml:1:1: the tag tag:yaml.org,2002:python/object:os.system is not allowed: quote what must be text",
        ),
        ("? [a]\n: 1", "f.yaml:1:3: a key must be text, not a map or a list"),
        ("a: [1,", "f.yaml:2:1: did not find expected node content, while parsing"),
        ("\tx: 1", "f.yaml:1:1: found character"),
        (b"a: 1\nb: \xff", "f.yaml:2: not UTF-8 (byte 9)"),
        ("a: 1\nb: \x00", "f.yaml:2: a character that YAML does not allow"),
        ("[" * 101, "f.yaml:1:101: nested deeper than 100 levels"),
        ("{a: " * 200_000, "f.yaml:1:401: nested deeper than 100 levels"),
        ("- " * 200_000, "f.yaml:1:201: nested deeper than 100 levels"),
    ],
)
def test_what_is_refused_is_refused_with_its_place(text: str | bytes, expected: str) -> None:
    assert problem(text).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n "a": 2}', "f.json: duplicate key 'a'"),
        ('{"a":\n x}', "f.json:2:2: Expecting value"),
        ('{"a": NaN}', "f.json: NaN is not JSON"),
        ("a: 1", "f.json:1:1: Expecting value"),
        ("[" * 101 + "]" * 101, "f.json: nested deeper than 100 levels"),
        ("[" * 200_000, "f.json: nested deeper than 100 levels"),
        ("", "f.json:1:1: Expecting value"),
    ],
)
def test_json_files_are_read_as_json(text: str, expected: str) -> None:
    assert problem(text, "f.json") == expected


def test_json_has_paths_instead_of_places() -> None:
    (document,) = read('{"a":\t[1, "\\u00e9"]}', "f.json")
    assert document.data == {"a": [1, "é"]}
    assert document.problem("a[0]", "wrong") == "f.json: a[0]: wrong"
    assert document.place("a[0]") == "f.json (a[0])"


def test_as_deep_as_allowed() -> None:
    text = "[" * 100 + "]" * 100
    assert read(text)[0].data == read(text, "f.json")[0].data == json.loads(text)


def test_a_file_that_is_too_large_or_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_file(file)[0].data == {"a": 1}
    monkeypatch.setattr(positions, "LARGEST_FILE", 4)
    with pytest.raises(InvalidInput, match="larger than"):
        read_file(file)
    with pytest.raises(InvalidInput, match="No such file"):
        read_file(tmp_path / "absent.yaml")
    with pytest.raises(InvalidInput, match="directory"):
        read_file(tmp_path)


def test_the_reader_written_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, 'x', {b: 3.10}]\n---\nc: |\n  text\n"
    fast = read(text)
    monkeypatch.setattr(positions, "_LOADER", yaml.SafeLoader)
    assert read(text) == fast
    assert problem("a: [1,").startswith("f.yaml:1:7: ")
    assert problem("a: \x00") == "f.yaml:1: a character that YAML does not allow"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("a1:é\U0001f600 \\\"'#%{}[]~-\n"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc.[]0", min_size=1), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abc", min_size=1), VALUES))
def test_json_text_means_the_same_as_yaml(data: dict[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False)
    (as_json,) = read(text, "f.json")
    assert as_json.data == data
    (as_yaml,) = read(text)
    assert as_yaml.data == data
    assert all(line == 1 for line, _ in as_yaml.positions.values())


@given(st.binary() | st.text("{}[]:,-&*!?|>'\"#%@`~ \n\tab01.<\\", max_size=40).map(str.encode))
@example(b"%YAML 9.9\n---\na: 1")
@example(b"%TAG ! tag:x,2000:\n---\n!a 1")
@example(b"\xff\xfea\x00")
@example(b"'\\")
def test_no_content_ends_in_another_error(content: bytes) -> None:
    for source in ("f.yaml", "f.json"):
        problems, documents = taken(content, source)
        problems += [document.problem("a.b[0]", "x") for document in documents]
        assert all(text.startswith(source) for text in problems)


def taken(content: bytes, source: str) -> tuple[list[str], list[Document]]:
    try:
        return [], read_documents(content, source)
    except InvalidInput as error:
        return list(error.problems), []
