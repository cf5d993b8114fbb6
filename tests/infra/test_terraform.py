"""The module for AWS, without its provider: what it names exists, what it must protect is protected.

Variables are tried by terraform itself; arguments and attributes are those of the provider's schema, in
aws_arguments.json.
"""

import importlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2 import SerializationOptions

from server.access.middleware import VARY
from server.access.terms import COOKIE, HEADER
from server.proxy import forwarded_address

MODULE = Path(__file__).parents[2] / "infra/terraform/aws"
EXAMPLE = MODULE / "examples/complete"
SCHEMA = json.loads((Path(__file__).parent / "aws_arguments.json").read_text())
META = {"count", "for_each", "depends_on", "lifecycle", "provider"}
OPTIONS = SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)

Block = dict[str, Any]


def parsed(folder: Path) -> dict[str, list[Any]]:
    """Return all blocks of a folder's files, by kind."""
    blocks: dict[str, list[Any]] = {}
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            for kind, found in hcl2.load(file, serialization_options=OPTIONS).items():
                blocks.setdefault(kind, []).extend(found)
    return blocks


BLOCKS = parsed(MODULE)
TEXT = "\n".join(path.read_text() for path in sorted(MODULE.glob("*.tf")))
CODE = re.sub(r"^\s*#.*$", "", TEXT, flags=re.MULTILINE)


def labelled(kind: str) -> dict[str, Block]:
    """Return blocks with two labels as `type.name`."""
    return {
        f"{type_}.{name}": body
        for block in BLOCKS.get(kind, [])
        for type_, named in block.items()
        for name, body in named.items()
    }


RESOURCES, DATA, EPHEMERAL = labelled("resource"), labelled("data"), labelled("ephemeral")
VARIABLES: dict[str, Block] = {name: body for block in BLOCKS["variable"] for name, body in block.items()}
OUTPUTS: dict[str, Block] = {name: body for block in BLOCKS["output"] for name, body in block.items()}
LOCALS: dict[str, Any] = {name: value for block in BLOCKS["locals"] for name, value in block.items()}


def only(type_: str) -> Block:
    """Return the one resource of a type."""
    (body,) = (body for name, body in RESOURCES.items() if name.startswith(f"{type_}."))
    return body


def nested(value: Any) -> list[Block]:
    """Return the blocks below a name: one is no list where it stands alone."""
    return value if isinstance(value, list) else [value]


def problems(where: str, body: Block, schema: dict[str, Any], meta: set[str]) -> Iterator[str]:
    """Yield what of a block the provider does not know, and what it misses."""
    blocks = schema.get("blocks", {})
    known = {*schema.get("must", []), *schema.get("may", []), *blocks, *meta}
    dynamic = {name: each["content"] for one in nested(body.get("dynamic", [])) for name, each in one.items()}
    given = {**{name: value for name, value in body.items() if name != "dynamic"}}
    yield from (f"{where}: {name} is unknown" for name in {*given, *dynamic} - known)
    needed = {*schema.get("must", []), *(name for name, block in blocks.items() if block["required"])}
    yield from (f"{where}: {name} is missing" for name in needed - {*given, *dynamic})
    for name, block in blocks.items():
        for one in [*nested(given.get(name, [])), *nested(dynamic.get(name, []))]:
            if isinstance(one, dict):
                yield from problems(f"{where}.{name}", one, block, set())


@pytest.mark.parametrize(("kind", "blocks"), [("resource", RESOURCES), ("data", DATA)])
def test_every_argument_is_one_that_the_provider_knows_and_none_is_missing(kind: str, blocks: dict[str, Block]) -> None:
    found = [
        problem
        for name, body in blocks.items()
        for problem in problems(name, body, SCHEMA[kind][name.split(".")[0]], META)
    ]
    assert found == []


def test_the_schema_finds_what_is_wrong() -> None:
    lb = SCHEMA["resource"]["aws_lb_target_group"]
    assert list(problems("x", {"prot": 1, "health_check": [{"pat": "/"}]}, lb, META)) == [
        "x: prot is unknown",
        "x.health_check: pat is unknown",
    ]


def test_every_reference_leads_somewhere() -> None:
    missing = {f"var.{name}" for name in re.findall(r"\bvar\.(\w+)", CODE)} - {f"var.{n}" for n in VARIABLES}
    missing |= {f"local.{name}" for name in re.findall(r"\blocal\.(\w+)", CODE)} - {f"local.{n}" for n in LOCALS}
    referenced = set(re.findall(r"(?<![\w.\"/])(data\.|ephemeral\.)?(aws_\w+)\.(\w+)", CODE))
    there = {"": RESOURCES, "data.": DATA, "ephemeral.": EPHEMERAL}
    missing |= {f"{kind}{type_}.{name}" for kind, type_, name in referenced if f"{type_}.{name}" not in there[kind]}
    assert missing == set()
    assert len(referenced) > 60


def test_every_attribute_that_is_read_is_one_of_its_resource() -> None:
    pattern = r"(?<![\w.\"/])(data\.)?(aws_\w+)\.\w+(?:\[[^\]]*\])?\.(\w+)"
    read = {(kind, type_, name) for kind, type_, name in re.findall(pattern, CODE) if name != "json"}
    unknown = []
    for kind, type_, name in read:
        schema = SCHEMA["data" if kind else "resource"][type_]
        if name not in {*schema["attributes"], *schema.get("must", []), *schema.get("may", []), "id", "arn"}:
            unknown.append((type_, name))
    assert unknown == []
    assert len(read) > 40


def test_nothing_is_declared_that_nobody_uses() -> None:
    assert [name for name in VARIABLES if not re.search(rf"\bvar\.{name}\b", CODE)] == []
    assert [name for name in LOCALS if not re.search(rf"\blocal\.{name}\b", CODE)] == []
    for name in DATA:
        assert f"data.{name}" in CODE


def test_the_world_reaches_neither_database_nor_tasks_nor_load_balancer() -> None:
    for name, rule in RESOURCES.items():
        if name.startswith("aws_vpc_security_group_ingress_rule."):
            assert not {"cidr_ipv4", "cidr_ipv6"} & set(rule), name
    assert not any("ingress" in body for name, body in RESOURCES.items() if name.startswith("aws_security_group."))
    assert only("aws_db_instance")["publicly_accessible"] is False
    assert only("aws_lb")["internal"] is True
    assert all("assign_public_ip" not in str(body) for name, body in RESOURCES.items() if "ecs_service" in name)


def test_what_is_stored_is_encrypted_private_and_kept() -> None:
    database, public = only("aws_db_instance"), only("aws_s3_bucket_public_access_block")
    assert database["storage_encrypted"] is True
    assert database["deletion_protection"] == "${var.database.deletion_protection}"
    for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"):
        assert public[name] is True
    assert nested(only("aws_s3_bucket_versioning")["versioning_configuration"])[0]["status"] == "Enabled"
    assert "aws:SecureTransport" in CODE
    assert "abort_incomplete_multipart_upload" in str(only("aws_s3_bucket_lifecycle_configuration"))
    assert "rds.force_ssl" in str(only("aws_db_parameter_group"))


def test_no_secret_is_in_the_files_or_in_the_state() -> None:
    assert not {"password", "manage_master_user_password"} & set(only("aws_db_instance"))
    for name, body in RESOURCES.items():
        if name.startswith("aws_secretsmanager_secret_version."):
            assert "secret_string" not in body
            assert body["secret_string_wo"].startswith("${ephemeral.")
    assert not re.search(r'(?i)(password|secret|token)\s*=\s*"[^"$]+"', CODE)
    assert not re.search(r"AKIA[0-9A-Z]{16}", CODE)


def test_roles_name_their_actions_and_their_resources() -> None:
    for name, body in DATA.items():
        if name.startswith("aws_iam_policy_document."):
            allowed = [one for one in nested(body["statement"]) if one.get("effect") != "Deny"]
            assert not any("*" in action for one in allowed for action in nested(one.get("actions", []))), name
            assert not any(one.get("resources") == ["*"] for one in allowed), name


def test_containers_are_nobody_with_a_root_that_cannot_be_written_to() -> None:
    hardened = LOCALS["hardened"]
    assert hardened["readonlyRootFilesystem"] is True
    assert hardened["user"] == "10001:10001"
    assert hardened["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    tasks = [body for name, body in RESOURCES.items() if name.startswith("aws_ecs_task_definition.")]
    assert len(tasks) == 3
    assert all("merge(local.hardened" in task["container_definitions"] for task in tasks)


def test_every_variable_of_a_container_is_a_setting(known_variables: set[str]) -> None:
    blocks = re.findall(r"(?:services|environment)\s*=\s*(?:merge\()?\{(.*?)\}", CODE, re.DOTALL)
    named = set(re.findall(r"\b((?:PG|AWS_|WORLDSTRAT_)[A-Z0-9_]*)\s*=", "\n".join(blocks)))
    named |= set(re.findall(r'name = "([A-Z_]+)", valueFrom', CODE))
    named |= set(re.findall(r"WORLDSTRAT_[A-Z0-9_]+", CODE))
    named -= {"WORLDSTRAT_"}
    assert {"PGHOST", "PGPASSWORD", "WORLDSTRAT_STORE", "WORLDSTRAT_TRUSTED_PROXIES"} <= named
    assert named - known_variables == set()


def test_tasks_keep_idle_connections_longer_than_the_load_balancer() -> None:
    assert "tostring(aws_lb.this.idle_timeout + 15)" in CODE
    settings = importlib.import_module("server.limits.settings").LimitSettings
    assert settings(keep_alive=only("aws_lb")["idle_timeout"] + 15).keep_alive == 135


def test_a_kept_answer_is_given_only_to_those_who_asked_the_same() -> None:
    policy = nested(only("aws_cloudfront_cache_policy")["parameters_in_cache_key_and_forwarded_to_origin"])[0]
    headers = {name.lower() for name in nested(nested(policy["headers_config"])[0]["headers"])[0]["items"]}
    cookies = nested(nested(policy["cookies_config"])[0]["cookies"])[0]["items"]
    # What answers depend on by the server's own word, and the address that is in their links.
    assert {name.lower() for name in (*VARY, HEADER, "Accept", "Host", "Origin")} == headers
    assert cookies == [COOKIE]
    assert nested(policy["query_strings_config"])[0]["query_string_behavior"] == "all"
    assert only("aws_cloudfront_cache_policy")["default_ttl"] == 0


def test_a_caller_cannot_tell_the_server_its_own_address_but_cloudfront_can() -> None:
    stripped = nested(nested(only("aws_cloudfront_origin_request_policy")["headers_config"])[0]["headers"])[0]["items"]
    source = Path(importlib.import_module("server.proxy").__file__ or "").read_text()
    believed = set(re.findall(r'headers\.get\("([a-z-]+)"', source)) - {"x-forwarded-for"}
    assert believed <= {name.lower() for name in stripped}

    (origin,) = nested(only("aws_cloudfront_distribution")["origin"])
    (header,) = nested(origin["custom_header"])
    assert header["name"] == "Forwarded"
    # As the load balancer sends it on: by its own word it was asked over http, at port 80.
    sent = {"forwarded": "proto=https;host=data.example.org", "x-forwarded-proto": "http", "x-forwarded-port": "80"}
    address = forwarded_address(sent)
    assert (address.scheme, address.host) == ("https", "data.example.org")


def test_the_readme_tells_every_variable_and_every_output() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (MODULE / "README.md").read_text(), re.MULTILINE)
    assert rows == [*VARIABLES, *OUTPUTS]


def test_the_example_gives_what_has_no_default_and_nothing_else_than_there_is() -> None:
    (module,) = (body for block in parsed(EXAMPLE)["module"] for body in block.values())
    given = set(module) - {"source"}
    needed = {name for name, body in VARIABLES.items() if "default" not in body}
    assert needed <= given <= set(VARIABLES)
    assert (EXAMPLE / module["source"]).resolve() == MODULE


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the module's variables alone: terraform needs no provider for them."""
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform")
    folder = tmp_path_factory.mktemp("variables")
    shutil.copy(MODULE / "variables.tf", folder)
    subprocess.run(["terraform", "init", "-backend=false", "-input=false"], cwd=folder, check=True, capture_output=True)
    return folder


def plan(folder: Path, **values: Any) -> "subprocess.CompletedProcess[str]":
    given = {"images": {"server": "r/server:0.1.0", "ingest": f"r/ingest@sha256:{'0' * 64}"}} | values
    (folder / "given.tfvars.json").write_text(json.dumps(given))
    command = ["terraform", "plan", "-input=false", "-no-color", "-var-file=given.tfvars.json"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def test_terraform_takes_the_defaults(variables: Path) -> None:
    assert plan(variables).returncode == 0


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"images": {"server": "r/server:latest", "ingest": "r/ingest:1"}}, "not latest"),
        ({"vpc": {"id": "vpc-1", "private_subnet_ids": ["subnet-1"]}}, "two zones"),
        ({"server": {"cpu": 1000}}, "Fargate's sizes"),
        ({"settings": {"WORLDSTRAT_SR_WRITE_TOKEN": "x"}}, "secret_settings"),
        ({"secret_settings": {"WORLDSTRAT_SR_WRITE_TOKEN": "hunter2"}}, "not the secrets"),
        ({"certificate_arn": "arn:aws:acm:eu-central-1:1:certificate/x"}, "us-east-1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terraform_refuses_what_could_not_work(variables: Path, values: dict[str, Any], word: str) -> None:
    done = plan(variables, **values)
    assert done.returncode != 0
    assert word in " ".join(done.stderr.split())
