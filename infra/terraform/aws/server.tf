# The web server on Fargate: no machine to keep. Its root is read-only, it is nobody, and has no capability.

resource "aws_cloudwatch_log_group" "this" {
  for_each          = toset(concat(["server", "jobs"], var.gpu.enabled ? ["gpu"] : []))
  name              = "/${var.name}/${each.key}"
  retention_in_days = var.log_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
  tags = var.tags
}

locals {
  services = {
    PGHOST           = aws_db_instance.this.address
    PGPORT           = tostring(aws_db_instance.this.port)
    PGDATABASE       = aws_db_instance.this.db_name
    PGUSER           = aws_db_instance.this.username
    PGSSLMODE        = "require"
    WORLDSTRAT_STORE = "s3://${aws_s3_bucket.objects.bucket}"
    AWS_REGION       = data.aws_region.current.region
  }
  # Only the load balancer reaches a task, and only CloudFront the load balancer (cdn.tf). It keeps idle connections for
  # as long as its idle_timeout says; a task has to keep them longer.
  environment = merge({
    WORLDSTRAT_TRUSTED_PROXIES  = "*"
    WORLDSTRAT_LIMIT_KEEP_ALIVE = tostring(aws_lb.this.idle_timeout + 15)
  }, var.settings, local.services)

  database_secret = { name = "PGPASSWORD", valueFrom = aws_secretsmanager_secret.database.arn }
  signing_secret  = { name = "WORLDSTRAT_SIGNING_SECRET", valueFrom = aws_secretsmanager_secret.signing.arn }
  server_secrets  = concat([local.database_secret, local.signing_secret], [for name, arn in var.secret_settings : { name = name, valueFrom = arn }])

  hardened = {
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
  }
}

resource "aws_ecs_task_definition" "server" {
  family                   = "${var.name}-server"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.server.cpu
  memory                   = var.server.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.server.arn
  tags                     = var.tags

  # Fargate has no tmpfs. The folder belongs to our user, since the image declares it as a volume.
  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name         = "server"
    image        = var.images.server
    command      = ["worldstrat", "serve", "--host", "0.0.0.0", "--port", "8000", "--workers", tostring(var.server.workers)]
    environment  = [for name, value in local.environment : { name = name, value = value }]
    secrets      = local.server_secrets
    portMappings = [{ containerPort = 8000, protocol = "tcp" }]
    mountPoints  = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    stopTimeout  = 60
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this["server"].name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "server"
        mode                  = "non-blocking"
      }
    }
  })])
}

resource "aws_ecs_service" "server" {
  name                               = "server"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.server.arn
  desired_count                      = var.server.minimum
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 120
  tags                               = var.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  network_configuration {
    subnets         = local.private_subnets
    security_groups = [aws_security_group.server.id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.server.arn
    container_name   = "server"
    container_port   = 8000
  }

  # The autoscaler's.
  lifecycle {
    ignore_changes = [desired_count]
  }
  depends_on = [aws_lb_listener.http, aws_secretsmanager_secret_version.signing, aws_iam_role_policy.secrets, aws_iam_role_policy_attachment.start]
}

resource "aws_appautoscaling_target" "server" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.server.name}"
  min_capacity       = var.server.minimum
  max_capacity       = var.server.maximum
  tags               = var.tags
}

# A new task begins with empty caches: fewer of them come and go than the load does.
resource "aws_appautoscaling_policy" "server" {
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.server.service_namespace
  scalable_dimension = aws_appautoscaling_target.server.scalable_dimension
  resource_id        = aws_appautoscaling_target.server.resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_out_cooldown = 60
    scale_in_cooldown  = 600
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}
