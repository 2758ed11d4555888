"""Whatever a command takes as a name or an id is looked up in one place, where an id comes first."""

import ast
import importlib
import inspect
import textwrap

import pytest
import typer
from fp_cli import names
from fp_cli.main import app

LOOK_UPS = [
    function
    for _, function in inspect.getmembers(names, inspect.isfunction)
    if {"name_or_id", "email_or_id"} & set(inspect.signature(function).parameters)
    and not function.__name__.startswith("_")
]


def commands(command, path=()):
    """Each command of the tree with its path."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield path, command


TAKEN = [
    (" ".join(path), command.callback, parameter.name)
    for path, command in commands(typer.main.get_command(app))
    for parameter in command.params
    if " or id" in (getattr(parameter, "help", "") or "").lower()
]


def imported(tree, module):
    """What the names of a function mean that imports where it is called."""
    found = dict(vars(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fp_cli"):
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                try:
                    found[each.asname or each.name] = importlib.import_module(whole)
                except ModuleNotFoundError:
                    found[each.asname or each.name] = getattr(importlib.import_module(node.module), each.name)
    return found


def called(node, known):
    match node.func:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return getattr(known.get(module), name, None)
    return None


def passed_as(node, parameter, function):
    """The name under which the called function has the parameter; None when it is not given to it."""
    for keyword in node.keywords:
        if keyword.arg and isinstance(keyword.value, ast.Name) and keyword.value.id == parameter:
            return keyword.arg
    for place, argument in enumerate(node.args):
        if isinstance(argument, ast.Name) and argument.id == parameter:
            return list(inspect.signature(function).parameters)[place]
    return None


def looks_up(function, parameter):
    """Whether the function, or one of ours that it hands the parameter to, gives it to one of the look-ups."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    known = imported(tree, inspect.getmodule(function))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        inner = called(node, known)
        if not inspect.isfunction(inner) or not inner.__module__.startswith("fp_cli"):
            continue
        name = passed_as(node, parameter, inner)
        if name and (inner in LOOK_UPS or looks_up(inner, name)):
            return True
    return False


def test_there_are_commands_that_take_a_name_or_an_id():
    assert len(TAKEN) > 30
    assert names.model in LOOK_UPS


@pytest.mark.parametrize(("command", "callback", "parameter"), TAKEN, ids=[f"{line}:{name}" for line, _, name in TAKEN])
def test_a_name_or_an_id_is_looked_up_where_an_id_comes_first(command, callback, parameter):
    assert looks_up(callback, parameter), f"fp {command} does not give {parameter} to fp_cli.names"


def test_a_command_that_takes_its_argument_for_an_id_is_found():
    def command(client, name):
        return client.call(name)

    assert not looks_up(command, "name")
