"""Statement 39: who may change whose sessions."""

from __future__ import annotations

import pytest
from attrs import frozen

from xnat_import_core import Action, ForbiddenError, NotFoundError

ATTEMPTS = {
    "build": lambda ask, row, caller: ask.build(row, caller),
    "commit": lambda ask, row, caller: ask.commit(row, caller),
    "move": lambda ask, row, caller: ask.move(row, caller, "Q"),
    "delete": lambda ask, row, caller: ask.delete(row, caller),
    "delete-scan": lambda ask, row, caller: ask.delete_scan(row, "700", caller),
    "reset-status": lambda ask, row, caller: ask.reset_status(row, caller),
    "separate": lambda ask, row, caller: ask.separate(row, caller),
}


@frozen
class Caller:
    """Somebody with rights by project."""

    name: str
    rights: frozenset[tuple[Action, str | None]] = frozenset()

    def may(self, action, project):
        return (action, project) in self.rights


def member(name, *projects):
    actions = (Action.READ, Action.CREATE, Action.EDIT)
    return Caller(name, frozenset({(action, project) for action in actions for project in projects} | EVERYBODY))


def collaborator(name, *projects):
    return Caller(name, frozenset({(Action.READ, project) for project in projects} | EVERYBODY))


EVERYBODY = frozenset({(Action.CREATE, None)})
OUTSIDER = Caller("otto", EVERYBODY)


@pytest.fixture
def ready(site, study):
    row = site.send(*study["first"], session="S1")
    site.operations.build(row, site.owner)
    return site.again(row)


@pytest.fixture
def unassigned(site, study):
    sent = {"project": None, "dest": "/prearchive/projects/Unassigned"}
    return site.send(*study["first"], principal=Caller("anna", EVERYBODY), **sent)


@pytest.mark.parametrize("name", ATTEMPTS)
@pytest.mark.parametrize("caller", [collaborator("carl", "P", "Q"), member("mia", "Q"), OUTSIDER], ids=lambda c: c.name)
def test_39_without_the_right_to_edit_in_the_project(site, ready, name, caller):
    deeds = site.deeds()
    with pytest.raises(ForbiddenError, match="You may not change prearchive sessions of project P"):
        ATTEMPTS[name](site.operations, ready, caller)
    assert (site.again(ready), site.deeds()) == (ready, deeds)
    assert not site.operations.logs(ready)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_39_a_member_may(site, ready, name):
    ATTEMPTS[name](site.operations, ready, member("mia", "P", "Q"))


@pytest.mark.parametrize("caller", [member("mia", "P"), collaborator("carl", "P", "Q")], ids=lambda c: c.name)
def test_39_a_move_needs_the_right_in_the_target_too(site, ready, caller):
    caller = member("mia", "P") if caller.name == "mia" else Caller("carl", caller.rights | {(Action.EDIT, "P")})
    error = NotFoundError if caller.name == "mia" else ForbiddenError
    with pytest.raises(error, match=r"Unable to identify project: Q|You may not move sessions into project Q"):
        site.operations.move(ready, caller, "Q")
    assert site.again(ready) == ready


def test_39_who_sent_a_session_without_project_may_build_and_move_it(site, unassigned):
    anna = member("anna", "Q")
    site.operations.build(unassigned, anna)
    moved = site.at(site.operations.move(unassigned, anna, "Q"))
    assert (moved.project, moved.status) == ("Q", "READY")


def test_39_but_not_into_a_project_that_is_not_his(site, unassigned):
    with pytest.raises(ForbiddenError):
        site.operations.move(unassigned, collaborator("anna", "Q"), "Q")
    assert site.again(unassigned) == unassigned


@pytest.mark.parametrize("name", ATTEMPTS)
def test_39_sessions_without_project_of_others_stay_as_they_are(site, unassigned, name):
    with pytest.raises(ForbiddenError, match="without a project that somebody else sent"):
        ATTEMPTS[name](site.operations, unassigned, member("mia", "P", "Q"))
    assert site.again(unassigned) == unassigned


def test_39_a_session_that_nobody_is_known_to_have_sent_is_nobodys(site, unassigned):
    site.put(unassigned, user="")
    with pytest.raises(ForbiddenError):
        site.operations.delete(site.again(unassigned), Caller("", EVERYBODY))


def test_39_a_site_admin_may_delete_them(site, unassigned):
    site.operations.delete(unassigned, site.owner)
    assert site.service.prearchive.rows() == []


def test_a_status_is_set_by_site_admins_only(site, ready):
    owner = Caller("olga", frozenset({(action, "P") for action in Action}))
    with pytest.raises(ForbiddenError, match="site administrator"):
        site.operations.set_status(ready, owner, "ERROR")
    site.operations.set_status(ready, Caller("root", frozenset({(Action.OWN, None)})), "ERROR")
    assert site.again(ready).status == "ERROR"
