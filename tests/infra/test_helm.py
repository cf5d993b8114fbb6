"""The chart, rendered by Helm's own library: what Kubernetes' schemas say of it, and what it promises."""

import copy
import importlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

helm = pytest.importorskip("helm_python", reason="needs helm-python-sdk, which is for Linux alone")

ROOT = Path(__file__).parents[2]
CHART = ROOT / "infra/helm/worldstrat"
CASES = sorted((CHART / "ci").glob("*.yaml"))
OLD_KUBERNETES, NEW_KUBERNETES = "1.30", "1.36"
CUSTOM = {"RayService", "ServiceMonitor", "HTTPRoute"}
"""Kinds of operators: Kubernetes has no schema of theirs."""

Manifest = dict[str, Any]


def given(name: str, **changes: Any) -> dict[str, Any]:
    """Return the values of a file of `ci/`; `changes` are paths with double underscores."""
    values = yaml.safe_load((CHART / f"ci/{name}-values.yaml").read_text())
    for path, value in changes.items():
        *groups, last = path.split("__")
        group = values
        for one in groups:
            group = group.setdefault(one, {})
        group[last] = value
    return values


def render(values: dict[str, Any], **options: Any) -> list[Manifest]:
    with helm.chart.Chart.load(CHART) as chart:
        rendered = chart.render(copy.deepcopy(values), name="ws", namespace="earth", **options)
    return [one for path, text in rendered.items() if path.endswith(".yaml") for one in yaml.safe_load_all(text) if one]


def of(manifests: list[Manifest], kind: str, end: str = "") -> Manifest:
    (one,) = (one for one in manifests if one["kind"] == kind and one["metadata"]["name"].endswith(end))
    return one


def pods(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the spec of every pod that something of a manifest makes."""
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for one in value.values():
            yield from pods(one)
    elif isinstance(value, list):
        for one in value:
            yield from pods(one)


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container.get("env", [])}


@pytest.fixture(scope="module", params=CASES, ids=lambda path: path.stem)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(yaml.safe_load(request.param.read_text()))


@pytest.fixture(scope="module")
def full() -> list[Manifest]:
    return render(given("full"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_helm_finds_nothing_to_complain_of(case: Path) -> None:
    report = helm.chart.lint(CHART, yaml.safe_load(case.read_text()), strict=True)
    assert report["total_charts_linted"] == 1
    assert report["errors"] == []


def test_kubernetes_knows_every_field(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, OLD_KUBERNETES, strict=True)


def test_so_does_a_new_one(full: list[Manifest]) -> None:
    for manifest in full:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, NEW_KUBERNETES, strict=True)


def test_ray_pods_are_pods_that_kubernetes_knows(full: list[Manifest]) -> None:
    cluster = of(full, "RayService")["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", **group["template"]}
        kubernetes_validate.validate(pod, NEW_KUBERNETES, strict=True)


def test_no_two_things_have_one_name(manifests: list[Manifest]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in manifests]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 for _, name in names)


def test_every_pod_is_nobody_with_a_root_that_cannot_be_written_to(manifests: list[Manifest]) -> None:
    found = list(pods(manifests))
    assert len(found) >= 3
    for pod in found:
        told = pod["securityContext"]
        assert (told["runAsNonRoot"], told["runAsUser"], told["seccompProfile"]) == (
            True,
            10001,
            {"type": "RuntimeDefault"},
        )
        assert pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]


def test_no_pod_but_rays_head_gets_a_token_of_kubernetes(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        is_head = pod["containers"][0]["name"] == "ray-head"  # its autoscaler asks for pods
        assert pod.get("automountServiceAccountToken", True) is is_head


def test_every_volume_that_is_mounted_is_there(manifests: list[Manifest]) -> None:
    for pod in pods(manifests):
        there = {volume["name"] for volume in pod.get("volumes", [])}
        mounted = {mount["name"] for one in pod["containers"] for mount in one.get("volumeMounts", [])}
        assert mounted == there


def test_every_variable_is_one_that_the_software_reads(manifests: list[Manifest], known_variables: set[str]) -> None:
    named = {name for pod in pods(manifests) for one in pod["containers"] for name in variables(one)}
    assert {"PGHOST", "PGPASSWORD", "WORLDSTRAT_STORE", "WORLDSTRAT_TRUSTED_PROXIES"} <= named
    assert named - known_variables == set()


def test_values_of_variables_are_ones_that_the_settings_take(
    full: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.limits.settings import LimitSettings  # noqa: PLC0415
    from server.settings import ServerSettings  # noqa: PLC0415
    from server.sr.settings import SuperResolutionSettings  # noqa: PLC0415

    server = of(full, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "x" * 32)
    catalog = importlib.import_module("catalog.settings")
    settings = ServerSettings(database=catalog.load_database(Path()), store=catalog.load_store(Path()))

    assert (settings.database.host, settings.database.port) == ("postgres.example.org", 5433)
    assert settings.store.endpoint_url == "https://s3.example.org:9000"
    assert (settings.trusted_proxies, settings.pool_size) == (("*",), 5)
    assert LimitSettings().keep_alive == 75
    assert SuperResolutionSettings().ray_gpus == 0.25


def test_secrets_are_references_to_secrets(full: list[Manifest]) -> None:
    secret = ("PASSWORD", "SECRET_ACCESS_KEY", "TOKEN", "SIGNING_SECRET", "REDIS_URL", "ACCESS_KEY_ID")
    seen = set()
    for pod in pods(full):
        for container in pod["containers"]:
            for name, value in variables(container).items():
                if name.endswith(secret):
                    seen.add(name)
                    assert set(value) == {"secretKeyRef"}
    assert len(seen) >= 7


def test_without_keys_the_store_is_reached_by_the_service_accounts_role() -> None:
    manifests = render(given("aws"))
    account = of(manifests, "ServiceAccount")
    deployment = of(manifests, "Deployment")["spec"]
    assert "eks.amazonaws.com/role-arn" in account["metadata"]["annotations"]
    assert deployment["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]
    assert deployment["replicas"] == 3
    assert not {"AWS_ACCESS_KEY_ID"} & set(variables(deployment["template"]["spec"]["containers"][0]))


def test_commands_are_ones_that_the_command_line_takes(full: list[Manifest]) -> None:
    import click  # noqa: PLC0415

    from infra.cli import main  # noqa: PLC0415

    commands = [one["command"] for pod in pods(full) for one in pod["containers"] if "command" in one]
    ours = [command[1:] for command in commands if command[0] == "worldstrat"]
    assert {words[0] for words in ours} == {"serve", "upgrade", "ingest"}
    for name, *arguments in ours:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        command.make_context(name, arguments, resilient_parsing=False)


def test_probes_ask_what_the_server_answers(manifests: list[Manifest]) -> None:
    health = importlib.import_module("server.health")
    server = of(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    paths = {getattr(route, "path", "") for route in health.health_router.routes}
    assert {server[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} <= paths
    assert server["livenessProbe"]["httpGet"]["path"] == "/healthz"  # a database that is away restarts no pod
    assert server["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert server["readinessProbe"]["timeoutSeconds"] > health.CHECK_TIMEOUT


def test_a_pod_that_goes_has_time_to_finish(manifests: list[Manifest]) -> None:
    from server.settings import ServerSettings  # noqa: PLC0415

    pod = of(manifests, "Deployment")["spec"]["template"]["spec"]
    drain = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    longest = ServerSettings.model_fields["statement_timeout"].default
    assert pod["terminationGracePeriodSeconds"] >= drain + longest


def test_the_service_the_budget_and_the_autoscaler_find_the_server(manifests: list[Manifest]) -> None:
    deployment = of(manifests, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    budget = of(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    for selector in (
        of(manifests, "Service")["spec"]["selector"],
        budget,
        deployment["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/component"] == "server"
    for scaler in (one for one in manifests if one["kind"] == "HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert "replicas" not in deployment["spec"]
        names = {one["name"] for one in deployment["spec"]["template"]["spec"]["containers"]}
        assert {one["containerResource"]["container"] for one in scaler["spec"]["metrics"]} <= names


def matches(policy: Manifest, labels: dict[str, str]) -> bool:
    selector = policy["spec"]["podSelector"]
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


def test_every_pod_is_denied_everything_that_no_policy_allows(manifests: list[Manifest]) -> None:
    policies = [one for one in manifests if one["kind"] == "NetworkPolicy"]
    deny = of(policies, "NetworkPolicy", "default-deny")
    assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(deny["spec"])
    labels = [template["metadata"]["labels"] for one in manifests for template in templates(one)]
    assert len(labels) >= 3
    for told in labels:
        assert matches(deny, told)
        allowing = [one["metadata"]["name"] for one in policies if one is not deny and matches(one, told)]
        assert allowing, told  # a pod that nothing is allowed to would be of no use


def templates(value: Any) -> Iterator[dict[str, Any]]:
    """Yield what makes pods, and pods themselves."""
    if isinstance(value, dict):
        if "containers" in value.get("spec", {}) and "metadata" in value:
            yield value
        for one in value.values():
            yield from templates(one)
    elif isinstance(value, list):
        for one in value:
            yield from templates(one)


def test_database_and_store_are_reached_where_they_are_and_nowhere_else(full: list[Manifest]) -> None:
    egress = of(full, "NetworkPolicy", "-services")["spec"]["egress"]
    ranges = {
        (peer["ipBlock"]["cidr"], rule["ports"][0]["port"])
        for rule in egress
        for peer in rule["to"]
        if "ipBlock" in peer
    }
    assert ranges == {("10.0.5.0/24", 5433), ("10.0.6.0/24", 9000)}


def test_only_the_named_clients_reach_the_server(full: list[Manifest]) -> None:
    rules = of(full, "NetworkPolicy", "-clients")["spec"]["ingress"]
    peers = [peer for rule in rules for peer in rule["from"]]
    names = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in peers
        if "namespaceSelector" in peer
    }
    assert names == {"ingress-nginx", "monitoring"}
    assert {"namespaceSelector": {}} not in peers


def test_the_catalog_is_upgraded_before_a_release_and_by_itself(manifests: list[Manifest]) -> None:
    job = of(manifests, "Job", "-upgrade")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (pod,) = pods(job)
    # Nothing of the release is there yet.
    assert "serviceAccountName" not in pod
    assert all("configMapRef" not in str(one) for one in pod["containers"])


def test_a_job_of_each_release_has_a_name_of_its_own_and_a_schedule_makes_a_cron_job() -> None:
    names = [of(render(given("aws"), revision=n), "Job", f"-ingest-{n}")["metadata"]["name"] for n in (1, 2)]
    assert len(set(names)) == 2
    cron = of(render(given("full")), "CronJob")
    assert cron["spec"]["schedule"] == "15 3 * * *"
    (pod,) = pods(cron)
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "worldstrat-archives"}} in pod["volumes"]


def test_with_ray_the_server_is_a_node_of_the_cluster_that_the_operator_makes(full: list[Manifest]) -> None:
    service = of(full, "RayService")
    server, node = of(full, "Deployment")["spec"]["template"]["spec"]["containers"]
    address = f"{service['metadata']['name']}-head-svc:6379"  # as KubeRay names the head of a RayService
    assert variables(server)["WORLDSTRAT_SR_RAY_ADDRESS"] == address
    assert node["command"] == ["ray", "start", f"--address={address}", "--num-cpus=0", "--block"]
    cluster = service["spec"]["rayClusterConfig"]
    groups = (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    images = {one["image"] for group in groups for one in group["template"]["spec"]["containers"]}
    assert images == {server["image"], node["image"]}
    assert {"/tmp", "/dev/shm"} <= {one["mountPath"] for one in server["volumeMounts"]} & {  # noqa: S108
        one["mountPath"] for one in node["volumeMounts"]
    }
    tokens = {str(variables(one)["RAY_AUTH_TOKEN"]) for one in (server, node)}
    tokens |= {
        str(variables(one)["RAY_AUTH_TOKEN"]) for group in groups for one in group["template"]["spec"]["containers"]
    }
    assert len(tokens) == 1


def test_dashboards_are_those_of_the_folder(full: list[Manifest]) -> None:
    there = {path.name for path in (ROOT / "infra/grafana").glob("*.json")}
    assert set(of(full, "ConfigMap", "-dashboards")["data"]) == there
    assert there


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"database__existingSecret": ""}, "existingSecret"),
        ({"store__url": "https://bucket.example.org"}, "url"),
        ({"image__tag": "latest"}, "tag"),
        ({"server__replica": 3}, "replica"),
        ({"server__workers": 0}, "workers"),
        ({"settings__WORLDSTRAT_SR_WRITE_TOKEN": "hunter2"}, "WORLDSTRAT_SR_WRITE_TOKEN"),
        ({"settings__PATH": "/evil"}, "PATH"),
        ({"ingest__sources": ["../../etc"]}, "sources"),
        ({"ray__application__device": "tpu"}, "device"),
        ({"server__resources": {"limits": {"memory": "plenty"}}}, "memory"),
        ({"networkPolicy__databaseCidr": "postgres"}, "databaseCidr"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_values_that_could_not_work_are_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(helm.errors.HelmError, match=named):
        render(given("minimal", **changes))


def test_what_has_no_default_has_to_be_given() -> None:
    with pytest.raises(helm.errors.HelmError, match="database"):
        render({})
    with pytest.raises(helm.errors.HelmError, match=r"ray\.existingSecret"):
        render(given("minimal", ray__enabled=True))


def test_the_chart_and_the_package_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == importlib.metadata.version("worldstrat")
