"""Programs that embed the service in ways that break other pools: no guard, no close, daemons, forks."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import gate
import pytest
from processes import is_alive

from xnat_import_core import Fate, Service, Settings

PLUGINS = Path(gate.__file__).parent
HEAD = r"""
import json, os, sys, threading
from pathlib import Path
sys.path.append(sys.argv[1])
store, upload, workers = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
import calm_handler, gate, wild_handler
from processes import children
from xnat_import_core import ExplicitPlugins, Service, Settings
PLUGINS = ExplicitPlugins(handlers={"CALM": calm_handler, "WILD": wild_handler})

def service():
    return Service(Settings(store, workers=workers), PLUGINS)

def tell(outcome):
    os.write(1, json.dumps([outcome.import_id, list(children())]).encode() + b"\n")
"""


class Program:
    """A script beside a store, as somebody would write it."""

    def __init__(self, folder, upload, text, workers):
        script = folder / "script.py"
        script.write_text(HEAD + textwrap.dedent(text))
        self.store = folder / "store"
        self.process = subprocess.Popen(
            [sys.executable, script, PLUGINS, self.store, upload, str(workers)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def lines(self):
        """What it printed until its end; it ended well and had nothing to complain about."""
        output, complaints = self.process.communicate(timeout=60)
        assert (self.process.returncode, complaints) == (0, "")
        return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def program(tmp_path, study, pack):
    started = []

    def start(text, workers=2):
        started.append(Program(tmp_path, pack(tmp_path / "study.zip", study), text, workers))
        return started[-1]

    yield start
    gate.lift()
    for each in started:
        each.process.kill()
        each.process.communicate()


def whole(store, imports, study):
    """Each of these imports stored every member."""
    with Service(Settings(store)) as service:
        for import_id in imports:
            assert [line.fate for line in service.receipt_lines(import_id)] == [Fate.STORED] * len(study)
        assert not any((store / "staging").iterdir())


def test_a_script_without_a_guard_runs_once(program, study):
    done = program("""
        print('"begun"', flush=True)
        with service() as it:
            tell(it.import_upload(upload, import_handler="CALM"))
        print(json.dumps(list(children())))
    """)
    begun, (import_id, workers), left = done.lines()
    assert (begun, left) == ("begun", [])
    assert workers
    whole(done.store, [import_id], study)


def test_a_script_that_does_not_close(program, study):
    done = program("""
        it = service()
        tell(it.import_upload(upload, import_handler="CALM"))
    """)
    ((import_id, workers),) = done.lines()
    assert workers
    gate.until(lambda: not any(map(is_alive, workers)))
    whole(done.store, [import_id], study)


def test_a_script_that_is_killed_while_a_plugin_hangs(program):
    gate.close()
    killed = program("""
        service().import_upload(upload, import_handler="CALM")
    """)
    workers = gate.arrivals()
    assert killed.process.pid not in workers
    killed.process.kill()
    gate.until(lambda: not any(map(is_alive, workers)))
    with Service(Settings(killed.store)) as service:
        assert service.prearchive.rows() == []
        assert not any((killed.store / "staging").iterdir())


def test_a_script_that_walks_about_and_has_little_memory(program, study):
    done = program("""
        import resource
        resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
        it = service()
        it.warm()
        os.chdir(Path(upload).parent)
        tell(it.import_upload(Path(upload).name, import_handler="CALM"))
        it.close()
    """)
    ((import_id, _),) = done.lines()
    whole(done.store, [import_id], study)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_daemon_of_multiprocessing(program, study, method):
    done = program(f"""
        from multiprocessing import get_context

        def work():
            with service() as it:
                tell(it.import_upload(upload, import_handler="CALM"))

        if __name__ == "__main__":
            daemon = get_context("{method}").Process(target=work, daemon=True)
            daemon.start()
            daemon.join()
            sys.exit(daemon.exitcode)
    """)
    ((import_id, workers),) = done.lines()
    assert workers
    whole(done.store, [import_id], study)


FORK = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads: that is the trap

def import_(handler, session):
    tell(it.import_upload(upload, import_handler=handler, session=session))

it = service()
it.start()
under_way = threading.Thread(target=import_, args=("CALM", "W"))
if before == "an import":
    import_("WILD", "A")
if before == "an import under way":
    under_way.start()
    gate.arrivals()
child = os.fork()
import_("CALM", "B" if child else "C")
if child:
    assert os.waitpid(child, 0)[1] == 0
    import_("WILD", "D")
    if under_way.ident:
        under_way.join()
it.close()
assert not children()
"""


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("before", "imports"), [("nothing", 3), ("an import", 4), ("an import under way", 4)])
def test_a_fork_of_a_started_service(program, study, workers, before, imports):
    """Parent and child import at the same time, each with its own threads, processes and connections."""
    gate.close()
    done = program(f'before = "{before}"\n{FORK}', workers)
    gate.arrivals(3 if "under way" in before else 2)
    gate.lift()
    lines = done.lines()
    assert len(lines) == imports
    whole(done.store, [import_id for import_id, _ in lines], study)
