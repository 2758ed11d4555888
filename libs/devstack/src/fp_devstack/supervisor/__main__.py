"""`python -m fp_devstack.supervisor --data FOLDER`."""

import argparse
import os
import sys
from pathlib import Path

from fp_edge import program
from fp_kernel.errors import Error

from fp_devstack import files
from fp_devstack.supervisor import catalog, daemon
from fp_devstack.supervisor.catalog import Service
from fp_devstack.supervisor.daemon import Options


def main() -> None:
    arguments = _parser().parse_args()
    try:
        preload = tuple(_words(arguments.preload))
        if arguments.public and not arguments.tls:
            sys.exit("the platform does not listen on every address in clear text: give --tls as well")
        options = Options(
            arguments.data.absolute(), _services(arguments), preload, tls=arguments.tls, public=arguments.public
        )
        if arguments.detach:
            _detach(options)
        else:
            sys.exit(daemon.run(options))
    except Error as error:
        sys.exit(error.message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fp_devstack.supervisor", description="Runs the platform on this machine.")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="where everything is stored")
    parser.add_argument("--detach", action="store_true", help="return when it takes requests, and stay behind")
    parser.add_argument("--services", default="", metavar="NOUN,...", help="these only")
    parser.add_argument("--catalog", type=Path, metavar="FILE", help="a JSON list of services instead of our own")
    parser.add_argument("--preload", default="", metavar="MODULE,...", help="what the zygote imports first")
    parser.add_argument("--public", action="store_true", help="the edge listens on every address; needs --tls")
    parser.add_argument("--tls", action="store_true", help="make certificates and speak TLS everywhere")
    return parser


def _services(arguments: argparse.Namespace) -> tuple[Service, ...]:
    ours = (*catalog.SERVICES, catalog.EDGE) if program.find() else catalog.SERVICES
    services = catalog.load(arguments.catalog) if arguments.catalog else ours
    chosen = _words(arguments.services)
    unknown = set(chosen) - {service.noun for service in services}
    if unknown:
        sys.exit(f"unknown services {', '.join(sorted(unknown))}")
    return tuple(service for service in services if not chosen or service.noun in chosen)


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _detach(options: Options) -> None:
    """The caller waits until the socket takes requests, then goes on alone; a failure before that is reported to it."""
    answer_end, report_end = os.pipe()
    if os.fork():
        os.close(report_end)
        with os.fdopen(answer_end, encoding="utf-8") as pipe:
            answer = pipe.read()
        if answer != "listening":
            sys.exit(answer or "the supervisor ended at its start; see logs/supervisor.log")
        return
    os.close(answer_end)
    os.setsid()
    os.chdir("/")
    try:
        _redirect(options.folder / "logs" / "supervisor.log")
        code = daemon.run(options, lambda: _say(report_end, "listening"))
    except Error as error:
        _say(report_end, error.message)
        code = 1
    sys.exit(code)


def _redirect(log: Path) -> None:
    files.make_data_folder(log.parent.parent)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)


def _say(pipe: int, text: str) -> None:
    os.write(pipe, text.encode())
    os.close(pipe)


if __name__ == "__main__":
    main()
