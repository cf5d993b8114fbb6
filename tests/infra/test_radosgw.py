"""The private S3 server."""

import os
import signal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from catalog.settings import StoreSettings
from infra.ports import free_port
from infra.process import is_alive
from infra.radosgw import Radosgw


def client_of(store: StoreSettings, secret: str | None = None) -> Any:
    assert store.secret_access_key is not None
    return boto3.client(
        "s3",
        endpoint_url=store.endpoint_url,
        aws_access_key_id=store.access_key_id,
        aws_secret_access_key=secret or store.secret_access_key.get_secret_value(),
        region_name=store.region,
        config=Config(signature_version="s3v4", retries={"max_attempts": 1}),
    )


def test_an_object_comes_back_whole_and_by_range(s3_store: StoreSettings) -> None:
    s3, bucket = client_of(s3_store), s3_store.url.removeprefix("s3://")
    s3.put_object(Bucket=bucket, Key="a/b.tif", Body=b"0123456789", ContentType="image/tiff")
    whole = s3.get_object(Bucket=bucket, Key="a/b.tif")
    part = s3.get_object(Bucket=bucket, Key="a/b.tif", Range="bytes=2-4")
    assert (whole["Body"].read(), whole["ContentType"], part["Body"].read()) == (b"0123456789", "image/tiff", b"234")
    s3.close()


def test_a_wrong_secret_is_refused(s3_store: StoreSettings) -> None:
    s3 = client_of(s3_store, secret="wrong")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.list_objects_v2(Bucket=s3_store.url.removeprefix("s3://"))
    s3.close()


def test_objects_survive_kill_9_and_a_restart_on_other_ports(services_folder: Path) -> None:
    folder, logs = services_folder / "killed-ceph", services_folder / "killed-ceph-logs"
    server = Radosgw(folder, logs=logs, mon_port=free_port(), rgw_port=free_port())
    daemons = server.start({})
    server.create_bucket("kept")
    s3 = client_of(server.settings("kept"))
    s3.put_object(Bucket="kept", Key="key", Body=b"value" * 100_000)
    s3.close()
    for daemon in daemons.values():
        os.kill(daemon.pid, signal.SIGKILL)

    server = Radosgw(folder, logs=logs, mon_port=free_port(), rgw_port=free_port())
    daemons = server.start(daemons)

    s3 = client_of(server.settings("kept"))
    assert s3.get_object(Bucket="kept", Key="key")["Body"].read() == b"value" * 100_000
    s3.close()
    server.stop(daemons)
    assert not any(is_alive(daemon) for daemon in daemons.values())
