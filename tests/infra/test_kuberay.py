import importlib
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Ray Serve's own, of pydantic
    from ray.serve import Application
    from ray.serve.schema import ServeApplicationSchema, ServeDeploySchema

    from server.sr.replica import APPLICATION, Options

helm = pytest.importorskip("helm_python", reason="needs helm-python-sdk, which is for Linux alone")

CHART = Path(__file__).parents[2] / "infra/helm/worldstrat"


@pytest.fixture(scope="module")
def service() -> dict[str, Any]:
    """The RayService of the chart with everything on."""
    with helm.chart.Chart.load(CHART) as chart:
        rendered = chart.render(yaml.safe_load((CHART / "ci/full-values.yaml").read_text()), name="ws")
    return yaml.safe_load(rendered["worldstrat/templates/rayservice.yaml"])


@pytest.fixture(scope="module")
def application(service: dict[str, Any]) -> ServeApplicationSchema:
    return ServeDeploySchema.model_validate(yaml.safe_load(service["spec"]["serveConfigV2"])).applications[0]


def test_the_application_has_the_name_by_which_the_server_looks_for_it(application: ServeApplicationSchema) -> None:
    assert application.name == APPLICATION
    assert application.route_prefix is None


def test_its_arguments_build_the_application(application: ServeApplicationSchema) -> None:
    module, _, name = application.import_path.partition(":")
    options = Options.model_validate(application.args)
    built = getattr(importlib.import_module(module), name)(options)
    assert isinstance(built, Application)
    deployment = built._bound_deployment
    config = deployment._deployment_config
    assert deployment.ray_actor_options == {"num_cpus": options.cpus, "num_gpus": options.gpus}
    assert (config.autoscaling_config.min_replicas, config.autoscaling_config.max_replicas) == (1, 16)
    assert config.max_ongoing_requests >= 2 * options.max_batch
    assert config.max_queued_requests == options.queue


def test_the_largest_group_of_nodes_carries_the_most_replicas(
    service: dict[str, Any], application: ServeApplicationSchema
) -> None:
    options = Options.model_validate(application.args)
    (group,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    requests = group["template"]["spec"]["containers"][0]["resources"]["requests"]
    nodes = group["maxReplicas"]
    assert options.max_replicas * options.gpus <= nodes * int(requests["nvidia.com/gpu"])
    assert options.max_replicas * options.cpus <= nodes * int(requests["cpu"])


def test_a_node_has_the_time_that_its_replicas_take_to_finish(
    service: dict[str, Any], application: ServeApplicationSchema
) -> None:
    built = importlib.import_module("server.sr.replica").build(Options.model_validate(application.args))
    grace = built._bound_deployment._deployment_config.graceful_shutdown_timeout_s
    (group,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert group["template"]["spec"]["terminationGracePeriodSeconds"] > grace
