"""Every command in the README runs; every command and setting is documented."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import typer

from pipelines.cli import app
from scoring_ml.settings import Settings
from tests.crm_worlds import write_export
from tests.flat_leads import write_flat_leads

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def console_commands(text):
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    return [
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.strip()
    ]


def command_names(group, prefix=""):
    names = []
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            names += command_names(command, f"{prefix}{name} ")
        else:
            names.append((f"{prefix}{name}", command))
    return names


COMMANDS = command_names(typer.main.get_command(app))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with leads.csv and a CRM's export, as a newcomer would have."""
    folder = tmp_path_factory.mktemp("newcomer")
    files = write_flat_leads(folder / "made", leads=4_000, seed=5)
    shutil.copy(files.leads, folder / "leads.csv")
    shutil.rmtree(folder / "made")
    write_export("salesforce", folder / "crm-export")
    return folder


def environment():
    known = {name: value for name, value in os.environ.items() if name != "SCORING_HOME"}
    return known | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}


def run(command, folder, *, timeout=300):
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for(url, process):
    for _ in range(240):
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} did not answer")


def test_readme_commands_run_one_after_the_other(workplace):
    """A newcomer's first hour, in the README's order; servers run until the next block."""
    commands = console_commands(README)
    assert len(commands) >= 15
    port, server = None, None
    printed = {}
    try:
        for command in commands:
            if command.startswith(("make ", ". ")):
                continue  # run by .ci/run, which a test below reads
            if command.startswith(("scoring-ml serve", "scoring-ml ui")):
                port = str(free_port())
                command = re.sub(r"--port \d+", f"--port {port}", command)
                if server is not None:
                    stop(server)
                server = subprocess.Popen(
                    [str(BIN / "scoring-ml"), *shlex.split(command)[1:]],
                    cwd=workplace,
                    env=environment(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                path = "/readyz" if " serve" in command else "/"
                assert wait_for(f"http://127.0.0.1:{port}{path}", server) == 200
                continue
            if "http://127.0.0.1:3000" in command:
                command = command.replace(":3000", f":{port}")
            done = run(command, workplace)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert done.stdout.strip(), command
            printed[command] = done.stdout
    finally:
        if server is not None:
            stop(server)
    answers = [text for command, text in printed.items() if command.startswith("curl")]
    assert len(answers) == 2
    assert all('"version"' in answer for answer in answers)
    (demo,) = [text for command, text in printed.items() if command.startswith("scoring-ml demo")]
    for words in ("Champion: version 1", "What now", "sales.html", "marketing.html", "serve"):
        assert words in demo
    assert (workplace / "scored.csv").exists()
    assert (workplace / "report" / "sales.html").exists()


def stop(server):
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=30)


def test_make_demo_runs_the_demo_with_what_is_asked_for(tmp_path):
    """Continuous integration runs it; the README's ``scoring-ml demo`` is run above."""
    home = tmp_path / "home"
    shown = run(
        f"make --no-print-directory -n demo HOME_DIR={home} DEMO_ARGS='--no-serve --leads 2500'",
        ROOT,
    ).stdout
    assert shown.splitlines()[-1].endswith(f"scoring-ml demo --home {home} --no-serve --leads 2500")


@pytest.mark.parametrize("goal", ["demo", "test", "check", "bench", "notebooks", "install"])
def test_make_knows_the_goals_that_the_docs_name(goal):
    assert run(f"make -n {goal}", ROOT).returncode == 0


def test_make_test_runs_all_tests_and_ci_runs_what_a_newcomer_does():
    shown = run("make -n test", ROOT).stdout
    assert "-m pytest" in shown
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make demo" in ci
    assert "make test" in ci
    assert "make check" in ci


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_and_option_is_documented(name, command):
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert f"### scoring-ml {name}\n" in text
    section = text.split(f"### scoring-ml {name}\n")[1].split("\n### ")[0]
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--") and option != "--help":
                assert f"`{option}`" in section, option
                assert parameter.help, option


def test_every_setting_is_documented():
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`SCORING_{name.upper()}`" in text
        assert field.description


def test_every_link_of_the_docs_leads_somewhere():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
