"""Tables of photographs, and a line for every mistake in one."""

import shutil

import pytest

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.data.checks.review import review
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError
from tests.conftest import png
from tests.data.pictures import scene
from tests.scripts.commands import SMOKE, script


@pytest.fixture
def photographs(folder):
    """The folder, and its paths with their classes."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    return folder, [(path, path.split("/")[0]) for path in paths]


def write(folder, text, name="table.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return str(folder / name)


def lines(rows, header="path,label"):
    return "\n".join([header, *(",".join(row) for row in rows), ""])


def test_a_table_is_the_folder(photographs):
    folder, rows = photographs
    data, same = Dataset.from_csv(write(folder, lines(rows))), Dataset.from_folder(folder)
    assert (data.examples, data.classes, data.skipped) == (same.examples, same.classes, ())
    assert data.source == f"csv {folder}/table.csv" and data.origin["data.csv"] == f"{folder}/table.csv"
    assert data.read(rows[0][0]) == (folder / rows[0][0]).read_bytes()


@pytest.mark.parametrize("form", ["mark", "quoted", "windows", "blank", "dots"])
def test_forms_of_csv(photographs, form):
    """RFC 4180: a byte order mark, quotes with commas and line breaks, CRLF, blank lines, columns in any order."""
    folder, rows = photographs
    text, encoding = lines(rows), "utf-8"
    if form == "mark":
        encoding = "utf-8-sig"
    elif form == "quoted":
        (folder / "five_petals" / 'a, "b"\nc.png').write_bytes(png(scene(1)))
        rows.append(('five_petals/a, "b"\nc.png', "five_petals"))
        quoted = [(label, "x", '"' + path.replace('"', '""') + '"') for path, label in rows]
        text = lines(quoted, "label,note,path").removesuffix("\n")
    elif form == "windows":
        text = text.replace("\n", "\r\n")
    elif form == "blank":
        text = text.replace("\n", "\n\n")
    elif form == "dots":
        text = lines([(f"./x/../{path}", label) for path, label in rows])
    data = Dataset.from_csv(write(folder, text, encoding=encoding))
    assert {(e.path, data.classes[e.label]) for e in data.examples} == set(rows) and data.skipped == ()


def test_other_names_of_columns_parts_and_groups(photographs):
    folder, rows = photographs
    parts = ("train", "Train", "val", "TEST")
    table = [(label, path, parts[i % 4], f"p{i % 4}") for i, (path, label) in enumerate(rows)]
    file = write(folder, lines(table, "species,file,fold,plant"))
    data = Dataset.from_csv(file, csv_path="file", csv_label="species", csv_split="fold", csv_group="plant")
    assert [e.split for e in data.examples[:4]] == ["train", "train", "validation", "test"]
    assert [e.group for e in data.examples[:4]] == ["p0", "p1", "p2", "p3"]
    plain = Dataset.from_csv(file, csv_path="file", csv_label="species")
    assert {(e.split, e.group) for e in plain.examples} == {("", "")}


def test_a_column_may_be_left_out(photographs):
    folder, rows = photographs
    file = write(folder, lines([(*row, "g", "train") for row in rows], "path,label,group,split"))
    data = Dataset.from_csv(file, csv_split="", csv_group="", group_pattern=r"(\d)\.png")
    assert {e.split for e in data.examples} == {""} and {e.group for e in data.examples} == set("0123456789")


def test_what_is_missing_is_listed(photographs):
    folder, rows = photographs
    (folder / "text.png").write_text("x")
    file = write(folder, lines([*rows, ("none.png", "five_petals"), ("a/b.png", "new"), ("text.png", "five_petals")]))
    data = review(Dataset.from_csv(file))
    assert len(data.examples) == 60 and {skipped.path: skipped.reason for skipped in data.skipped} == {
        "none.png": "no such file", "a/b.png": "no such file", "text.png": "not an image of a known format",
    }  # fmt: skip


def test_copies_are_treated_as_those_of_a_folder(photographs):
    folder, rows = photographs
    for name in ("both", "leak"):
        shutil.copy(folder / rows[0 if name == "both" else 1][0], folder / f"{name}.png")
    table = [(*row, "test" if i < 30 else "train") for i, row in enumerate(rows[::2] + rows[1::2])]
    table += [("both.png", "three_petals", "test"), ("leak.png", "eight_petals", "test")]
    data = review(Dataset.from_csv(write(folder, lines(table, "path,label,split"))))
    assert {skipped.path: skipped.reason for skipped in data.skipped} == {
        "both.png": f"byte-identical to {rows[0][0]}, which is in another class",
        rows[0][0]: "byte-identical to both.png, which is in another class",
        rows[1][0]: "byte-identical to leak.png, which is in another part",
    }


def test_links_and_paths_that_lead_out(photographs, tmp_path):
    folder, rows = photographs
    outside = tmp_path / "outside.png"
    outside.write_bytes(png(scene(1)))
    (folder / "link.png").symlink_to(outside)
    file = write(folder, lines([*rows, ("link.png", "five_petals")]))
    (skipped,) = Dataset.from_csv(file).skipped
    assert skipped == ("link.png", "link out of the folder (follow_links reads it)")
    assert len(Dataset.from_csv(file, follow_links=True).examples) == 61
    for path in ("../outside.png", str(outside)):
        file = write(folder, lines([*rows, (path, "five_petals")]))
        with pytest.raises(
            UsageError, match=r"line 62: \S+ (is absolute|leads out of the folder).*; .*follow_links=True"
        ):
            Dataset.from_csv(file)
        assert len(Dataset.from_csv(file, follow_links=True).examples) == 61


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column path, it is empty"),
        ("a/1.png,a\nb/1.png,b\n", "has no column path, its first line is 'a/1.png,a'; --config.data.csv_path names"),
        ("path;label\na;b\n", "has no column path, its first line is 'path;label'"),
        ("path,class\na,b\n", "has no column label, its first line is 'path,class'; --config.data.csv_label names"),
        ("path,label,label\na,b,c\n", "has two columns label; rename one"),
        ("path,label\n", "has a header and no lines below it"),
        ("path,label\na,\n", "line 2: the label of a is empty"),
        ("path,label\n,b\n", "line 2: the path '' is none"),
        ("path,label\n\na,b\n\na,b\n", "lines 3 and 5 are both of a; keep one"),
        ("path,label\na,b\nx/../a,c\n", "lines 2 and 3 are both of a; keep one"),
        ("path,label,split\na,b,train\na,b,test\n", "lines 2 and 3 are both of a; keep one"),
        ("path,label,split\na,b,dev\n", "line 2: the part dev is none of train, validation, val, valid, test"),
        ("path,label,split\na,b,\nc,b,test\n", "line 3 has a part and line 2 has none; give every line one of"),
        ("path,label\na,b,c\n", "line 2 has 3 fields, and the header has 2"),
        ('path,label\n"a\nb",c\nd\n', "line 4 has 1 fields, and the header has 2"),
        ('path,label\n"a"b,c\n', "line 2 is no CSV ("),
        ("path,label\n../a,b\n", "line 2: ../a leads out of the folder of the table; give a path relative to"),
        ("path,label\na,b\nc,d\n", "none of its 2 files is there, the first is a; paths are relative to "),
        (b"path,label\n\xe9,b\n", "is not UTF-8 ("),
        (None, "no such file; give a CSV file with the columns path and label"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(tmp_path, capsys, text, words):
    file = tmp_path / "photographs" / "table.csv"
    file.parent.mkdir()
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    flags = [*SMOKE, f"--workdir={tmp_path}/run", f"--config.data.csv={file}"]
    assert script("train", *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --config.data.csv={file}: ") and error.count("\n") == 1
    assert words in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"csv_label": "species"}, "has no column species"),
        ({"csv_split": "fold"}, "has no column fold"),
        ({"csv_group": "plant"}, "has no column plant"),
        ({"csv_path": ""}, "csv_path='': must be a name"),
        ({"group_pattern": "a"}, r"has a column group, and --config\.data\.group_pattern=a is given too; leave"),
        ({"dir": "photographs"}, r"--config\.data\.dir=photographs is given too; leave one out"),
    ],
)
def test_keys_that_do_not_fit(photographs, keys, words):
    folder, rows = photographs
    file = write(folder, lines([(*row, "g") for row in rows], "path,label,group"))
    with pytest.raises(UsageError, match=words):
        Dataset.from_csv(file, **keys)


def test_check_lists_the_problems_of_a_table(photographs, tmp_path, capsys):
    folder, rows = photographs
    table = [(*row, f"p{i % 3}", ("train", "test")[i % 2]) for i, row in enumerate(rows)]
    file = write(folder, lines([*table, ("none.png", "five_petals", "p9", "test")], "path,label,group,split"))
    assert script("check", file) == 3
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "none.png: no such file" and second.startswith("./: group p0 is in two parts, ")
    assert script("check", file, f"--fix={tmp_path}/out") == 2
    assert "a clean copy is that of a folder" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert script("check", f"{folder}/none.csv") == 2
    assert capsys.readouterr().err.startswith(f"error: {folder}/none.csv: no such file")


def test_another_spelling_of_the_file_is_no_other_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old = config_lib.replace(Config(), {"data.csv": str(tmp_path / "table.csv")})
    for text, differs in (("table.csv", False), ("./x/../table.csv", False), ("other.csv", True)):
        assert bool(config_lib.differing_keys(old, config_lib.replace(old, {"data.csv": text}))) == differs
