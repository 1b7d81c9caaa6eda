"""The folder names of classes."""

import pytest

from flowers_jax.evaluation.sort import folder_names


def test_plain_names_are_kept():
    assert folder_names(["roses", "St. John's wort", "Тюльпан", "百合"]) == [
        "roses",
        "St. John's wort",
        "Тюльпан",
        "百合",
    ]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("a/b", "a_b"), ("..", "_"), (".", "_"), ("", "_"), ("/etc", "_etc"), ("../up", "_up"), (".hidden", "hidden"),
        ("two\nlines", "two_lines"), ("C:\\x", "C__x"), ("review", "review-2"), ("Review", "Review-2"), ("-rf", "-rf"),
        ("<script>alert(1)</script>", "_script_alert(1)__script_"), ("end. ", "end"), ("\udce9", "_"),
        ("é" * 150, "é" * 100),
    ],
)  # fmt: skip
def test_a_name_becomes_one_safe_folder(name, folder):
    assert folder_names([name]) == [folder]


def test_no_two_classes_share_a_folder():
    assert folder_names(["a/b", "a_b", "A_B", "a:b", "x" * 300, "x" * 301]) == [
        "a_b", "a_b-2", "A_B-3", "a_b-4", "x" * 200, "x" * 200 + "-2",
    ]  # fmt: skip
