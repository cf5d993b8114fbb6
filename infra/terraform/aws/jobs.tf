# `worldstrat upgrade`, `ingest`, `verify`, `backup`: tasks that somebody starts (output `run_job`) and that end.

resource "aws_ecs_task_definition" "jobs" {
  family                   = "${var.name}-jobs"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.ingest.cpu
  memory                   = var.ingest.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.jobs.arn
  tags                     = var.tags

  ephemeral_storage {
    size_in_gib = var.ingest.storage
  }
  volume {
    name = "tmp"
  }
  volume {
    name = "data"
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name        = "job"
    image       = var.images.ingest
    command     = ["worldstrat", "upgrade", "--install"]
    environment = [for name, value in local.services : { name = name, value = value }]
    secrets     = [local.database_secret]
    mountPoints = [
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
      { sourceVolume = "data", containerPath = "/data", readOnly = false },
    ]
    stopTimeout = 120
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this["jobs"].name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "job"
      }
    }
  })])
}
