"""What an embedder relies on: no global state, nothing depends on batches, plugins that fail harm only their import."""

from __future__ import annotations

import threading
import types

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xnat_import_core import (
    ArchiveConflictError,
    ClientError,
    Confidence,
    Detection,
    ExplicitPlugins,
    Extension,
    Fate,
    ForbiddenError,
    Handler,
    Ignored,
    ImportedFile,
    NotFoundError,
    NotSupportedError,
    PluginError,
    Plugins,
    Refused,
    Rejected,
    Scan,
    Service,
    Settings,
    hookimpl,
)
from xnat_import_core.workers import extraction


def plugin(**parts):
    module = types.ModuleType("a_plugin")
    for name, part in parts.items():
        setattr(module, name, hookimpl(part) if callable(part) and not isinstance(part, type) else part)
    return module


def text_handler(**more):
    """A handler of text files: the first word is the session, the second the scan."""

    def extract(members):
        return tuple(
            ImportedFile(m.index, m.head(99).split()[0].decode(), Scan(m.head(99).split()[1].decode()), "TEXT", m.name,
                         facts={"session": m.head(99).split()[0].decode()})
            if b" " in m.head(99) else Rejected(m.index, f"{m.name} is no text of two words")
            for m in members
        )  # fmt: skip

    return plugin(**({"HANDLER": Handler(summary="text", nameless_label="text"), "extract": extract} | more))


@pytest.fixture
def texts(pack):
    return pack.tree({f"{n}.txt": f"S{n % 2} {n % 3}".encode() for n in range(12)})


def service_of(folder, handler=None, **extensions):
    plugins = ExplicitPlugins(handlers={"T": handler or text_handler()}, extensions=extensions)
    return Service(Settings(store=folder), plugins=plugins)


def test_two_services_with_two_stores_in_one_process(tmp_path, texts):
    with service_of(tmp_path / "one") as one, service_of(tmp_path / "two") as two:
        one.projects.create("P")
        outcome = one.import_upload(texts, import_handler="T", project="P")
        assert len(outcome.sessions) == 2
        assert two.prearchive.rows() == []
        with pytest.raises(NotFoundError, match="Unable to identify project: P"):
            two.import_upload(texts, import_handler="T", project="P")
        assert len(two.import_upload(texts, import_handler="T").sessions) == 2


def test_no_thread_and_no_file_before_start(tmp_path):
    threads = threading.active_count()
    service = service_of(tmp_path / "store")
    assert not (tmp_path / "store").exists()
    assert threading.active_count() == threads
    service.close()


@pytest.mark.long
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.sampled_from([1, 7, 128]), threads=st.integers(1, 4), data=st.data())
def test_neither_batches_nor_threads_nor_order_change_a_byte(
    tmp_path_factory, pack, study, monkeypatch, size, threads, data
):
    content = pack.members(*study["series"], *study["second"], *study["other"])
    content["twin"] = study["series"][0].read_bytes()
    order = data.draw(st.permutations(sorted(content)))
    trees = []
    for names, batch, width in ((sorted(content), 128, 1), (order, size, threads)):
        store = tmp_path_factory.mktemp("batches") / "store"
        with Service(Settings(store=store, threads=width)) as service:
            monkeypatch.setattr(extraction, "BATCH_MEMBERS", batch)
            service.projects.create("P")
            upload = pack.tree({name: content[name] for name in names if name != "twin"} | {"twin": content["twin"]})
            service.import_upload(upload, project="P", import_handler="SI", session="E")
        room = store / "prearchive" / "P"
        trees.append(
            sorted(
                ("/".join(path.relative_to(room).parts[1:]), path.read_bytes())
                for path in room.rglob("*")
                if path.is_file() and ".import" not in path.parts
            )
        )
    assert trees[0] == trees[1]


def raising(*_):
    message = "Jane Doe, 1970"
    raise RuntimeError(message)


FAULTS = {
    "extract raises": {"extract": lambda members: raising(members)},
    "extract answers None": {"extract": lambda members: None},
    "extract answers too few": {"extract": lambda members: ()},
    "extract answers a list": {"extract": lambda members: [Ignored(m.index, "x") for m in members]},
    "arrange raises": {"arrange": lambda upload: raising(upload)},
    "map_destination raises": {"map_destination": lambda session: raising(session)},
    "map_destination answers text": {"map_destination": lambda session: "P"},
    "review_session raises": {"review_session": lambda session: raising(session)},
    "describe raises": {"describe": lambda session: raising(session)},
    "describe answers text": {"describe": lambda session: "mr"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plugin_that_fails_fails_only_its_import(tmp_path, texts, fault):
    bad, good = text_handler(**FAULTS[fault]), text_handler()
    plugins = ExplicitPlugins(handlers={"BAD": bad, "T": good})
    with Service(Settings(store=tmp_path / "store"), plugins=plugins) as service:
        with pytest.raises(PluginError) as caught:
            service.import_upload(texts, import_handler="BAD")
        error = caught.value
        assert (error.plugin, error.hook) == ("BAD", fault.partition(" ")[0])
        assert "BAD" in error.message
        assert error.hook in error.message
        assert "Jane" not in error.message
        if error.hook == "extract":
            assert error.members
        assert service.prearchive.rows() == []
        assert not any((tmp_path / "store" / "staging").iterdir())
        assert service.receipt(error.import_id).status == "failed"
        assert len(list(service.receipt_lines(error.import_id))) == 12
        assert len(service.import_upload(texts, import_handler="T").sessions) == 2


@pytest.mark.parametrize("hook", ["transform_files", "review_session"])
def test_an_extension_that_fails_fails_closed(tmp_path, texts, hook):
    extension = plugin(EXTENSION=Extension(summary="fails"), **{hook: lambda **_: None})
    setattr(
        extension,
        hook,
        hookimpl(
            {"transform_files": lambda files: raising(files), "review_session": lambda session: raising(session)}[hook]
        ),
    )
    with service_of(tmp_path / "store", fails=extension) as service:
        with pytest.raises(PluginError, match=hook):
            service.import_upload(texts, import_handler="T")
        assert service.prearchive.rows() == []


def test_an_extension_that_must_be_there_is_not_left_out(tmp_path, texts):
    broken = types.ModuleType("no_record")
    settings_ = Settings(store=tmp_path / "store", plugins=Plugins(require=("deidentify",)))
    with (
        Service(
            settings_, plugins=ExplicitPlugins(handlers={"T": text_handler()}, extensions={"deidentify": broken})
        ) as service,
        pytest.raises(PluginError, match="required"),
    ):
        service.import_upload(texts, import_handler="T")


def test_what_a_site_filters_out_is_told_and_is_no_error(tmp_path, texts):
    extension = plugin(EXTENSION=Extension(summary="x"), review_session=lambda session: (Refused("not wanted here"),))
    with service_of(tmp_path / "store", site=extension) as service:
        outcome = service.import_upload(texts, import_handler="T")
        assert outcome.sessions == ()
        assert outcome.counts[Fate.FILTERED] == 12
        assert {(line.fate, line.reason, line.rule) for line in service.receipt_lines(outcome.import_id)} == {
            (Fate.FILTERED, "not wanted here", "site")
        }


def test_transformed_files_are_stored_as_they_were_left(tmp_path, texts):
    def transform_files(files):
        for file in files:
            file.path.write_bytes(file.path.read_bytes().upper() + b" clean")

    extension = plugin(EXTENSION=Extension(summary="x"), transform_files=transform_files)
    with service_of(tmp_path / "store", clean=extension) as service:
        outcome = service.import_upload(texts, import_handler="T")
        lines = list(service.receipt_lines(outcome.import_id))
        assert all(line.digest != line.stored_digest for line in lines)
        row = service.prearchive.rows()[0]
        scan = service.prearchive.scans(row)[0].id
        file = service.prearchive.files(row, scan, "TEXT")[0]
        path = service.prearchive.file(row, scan, "TEXT", file.name)
        assert path.read_bytes().endswith(b" clean")
        assert path.stat().st_size == file.size
        again = service.import_upload(texts, import_handler="T")
        assert again.counts[Fate.SAME] == 12


class Reader:
    """May read project P and nothing else."""

    name = "reader"

    def may(self, action, project):
        return action == "read" and project == "P"


class Stranger:
    name = "stranger"

    def may(self, action, project):
        return False


def test_an_explicit_project_is_that_project_or_an_error(service, pack, study):
    upload = pack.zip(*study["series"])
    for parameters in ({"project": "P"}, {"PROJECT_ID": "P"}, {"dest": "/prearchive/projects/P"}):
        with pytest.raises(ForbiddenError):
            service.import_upload(upload, principal=Reader(), import_handler="SI", **parameters)
        with pytest.raises(NotFoundError) as hidden:
            service.import_upload(upload, principal=Stranger(), import_handler="SI", **parameters)
        assert hidden.value.message == "Unable to identify project: P"
    with pytest.raises(ForbiddenError):
        service.import_upload(upload, principal=Stranger(), import_handler="SI")
    assert service.prearchive.rows() == []


def test_an_alias_is_the_project(service, pack, study):
    service.projects.create("Q", aliases=("knee",))
    outcome = service.import_upload(pack.zip(*study["series"]), project="knee", import_handler="SI")
    assert outcome.sessions[0].project == "Q"


@pytest.mark.parametrize("parameters", [{"dest": "/archive/projects/P"}, {"AA": "true", "project": "P"}])
def test_an_import_may_go_on_into_the_archive(service, pack, study, parameters):
    outcome = service.import_upload(pack.zip(*study["series"]), import_handler="SI", **parameters)
    (archived,) = service.archive.experiments()
    assert [session.uri for session in outcome.sessions] == [archived.uri]
    assert service.receipt(outcome.import_id).sessions[0]["uri"] == archived.uri
    assert service.prearchive.rows() == []


@pytest.mark.parametrize(("key", "status"), [("SI", 409), ("DICOM-zip", 400)])
def test_a_session_that_may_not_be_archived_waits_and_says_why(service, pack, study, key, status):
    upload, dest = pack.zip(*study["series"]), "/archive/projects/P/subjects/S/experiments/E"
    service.import_upload(upload, import_handler=key, dest=dest)
    with pytest.raises(ArchiveConflictError) as caught:
        service.import_upload(upload, import_handler=key, dest=dest)
    assert (caught.value.status, caught.value.conflicts[0].kind) == (status, "exists")
    (waiting,) = service.prearchive.rows()
    assert (waiting.status, waiting.name) == ("CONFLICT", "E")


@pytest.mark.parametrize(("code", "space"), [(0, "/prearchive"), (4, "/archive")])
def test_a_project_decides_whether_what_is_ready_is_archived(service, pack, study, code, space):
    service.projects.set_code("P", code)
    outcome = service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI")
    assert outcome.sessions[0].uri.startswith(space)


def test_a_prearchive_dest_never_archives(service, pack, study):
    service.projects.set_code("P", 4)
    upload = pack.zip(*study["series"])
    outcome = service.import_upload(upload, dest="/prearchive/projects/P", AA="true", import_handler="SI")
    assert outcome.sessions[0].uri.startswith("/prearchive")


def test_ecat_alone_comes_later_and_beside_dicom_is_told(service, pack, study, shipped):
    ecat = shipped / "nibabel/tests/data/tinypet.v"
    with pytest.raises(NotSupportedError):
        service.import_upload(ecat, import_handler="SI", project="P")
    outcome = service.import_upload(pack.zip(ecat, *study["series"]), import_handler="SI", project="P")
    assert (outcome.counts[Fate.STORED], outcome.counts[Fate.REJECTED]) == (6, 1)


def test_a_client_error_is_the_only_thing_a_bad_request_raises(service, pack, study):
    for parameters in (
        {"import_handler": "nope"},
        {"dest": "/nonsense"},
        {"project": "P", "PROJECT_ID": "Q"},
        {"overwrite": "maybe"},
    ):
        with pytest.raises(ClientError):
            service.import_upload(pack.zip(*study["series"]), **({"import_handler": "SI"} | parameters))


def test_a_handler_is_detected_where_the_site_wants_it(tmp_path, texts):
    def detect(upload):
        sure = upload.name.endswith(".zip") and all(entry.name.endswith(".txt") for entry in upload.members)
        return Detection(Confidence.CERTAIN, "text files in a zip") if sure else None

    plugins = ExplicitPlugins(handlers={"T": text_handler(detect=detect), "DICOM-zip": text_handler()})
    settings_ = Settings(store=tmp_path / "store", plugins=Plugins(detection=True))
    with Service(settings_, plugins=plugins) as service:
        outcome = service.import_upload(texts)
        assert outcome.handler_key == "T"
        assert any("text files in a zip" in note for note in outcome.notes)
        assert service.import_upload(texts, import_handler="DICOM-zip").handler_key == "DICOM-zip"


def test_direct_archive_is_told_to_wait_in_the_prearchive(service, pack, study):
    upload = pack.zip(*study["series"])
    outcome = service.import_upload(upload, project="P", import_handler="DICOM-zip", Direct_Archive="true")
    assert any("Direct-Archive" in note for note in outcome.notes)
    assert len(outcome.sessions) == 1


def test_what_goes_wrong_after_the_commit_does_not_unsay_it(service, pack, study, room):
    def interrupted(stage, members, total, size):
        if stage == "place" and members:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.import_upload(pack.zip(*study["series"]), project="P", import_handler="SI", progress=interrupted)
    assert len(room.files()) == 6
    assert not any((room.store / "staging").iterdir())
    with service.database.read() as connection:
        assert connection.exec_driver_sql("SELECT status FROM import").scalars().all() == ["done"]
