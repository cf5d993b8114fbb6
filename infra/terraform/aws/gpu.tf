# Super-resolution on GPUs: the same server on instances that have one, asked for everything below /sr/. Each starts its
# own Ray beside itself, so nothing has to find anything.

data "aws_ssm_parameter" "gpu_image" {
  count = var.gpu.enabled ? 1 : 0
  name  = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"
}

data "aws_iam_policy_document" "instances" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gpu" {
  count              = var.gpu.enabled ? 1 : 0
  name_prefix        = "${var.name}-gpu-"
  assume_role_policy = data.aws_iam_policy_document.instances.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "gpu" {
  count      = var.gpu.enabled ? 1 : 0
  role       = aws_iam_role.gpu[0].name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "gpu" {
  count       = var.gpu.enabled ? 1 : 0
  name_prefix = "${var.name}-gpu-"
  role        = aws_iam_role.gpu[0].name
  tags        = var.tags
}

resource "aws_launch_template" "gpu" {
  count         = var.gpu.enabled ? 1 : 0
  name_prefix   = "${var.name}-gpu-"
  image_id      = data.aws_ssm_parameter.gpu_image[0].value
  instance_type = var.gpu.instance_type
  # The instance itself listens to nobody; a task has a network card and a group of its own.
  vpc_security_group_ids = [aws_security_group.jobs.id]
  update_default_version = true
  user_data = base64encode(<<-END
    #!/bin/bash
    echo 'ECS_CLUSTER=${aws_ecs_cluster.this.name}' >> /etc/ecs/ecs.config
    echo 'ECS_ENABLE_GPU_SUPPORT=true' >> /etc/ecs/ecs.config
    echo 'ECS_AWSVPC_BLOCK_IMDS=true' >> /etc/ecs/ecs.config
  END
  )
  tags = var.tags

  iam_instance_profile {
    arn = aws_iam_instance_profile.gpu[0].arn
  }
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 100
      volume_type = "gp3"
      encrypted   = true
    }
  }
}

resource "aws_autoscaling_group" "gpu" {
  count                 = var.gpu.enabled ? 1 : 0
  name_prefix           = "${var.name}-gpu-"
  min_size              = var.gpu.minimum
  max_size              = var.gpu.maximum
  vpc_zone_identifier   = local.private_subnets
  protect_from_scale_in = true

  launch_template {
    id      = aws_launch_template.gpu[0].id
    version = aws_launch_template.gpu[0].latest_version
  }
  tag {
    key                 = "AmazonECSManaged"
    value               = "true"
    propagate_at_launch = true
  }
  # The capacity provider's.
  lifecycle {
    ignore_changes = [desired_capacity]
  }
}

resource "aws_ecs_capacity_provider" "gpu" {
  count = var.gpu.enabled ? 1 : 0
  name  = "${var.name}-gpu"
  tags  = var.tags

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.gpu[0].arn
    managed_termination_protection = "ENABLED"
    managed_scaling {
      status          = "ENABLED"
      target_capacity = 100
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  count              = var.gpu.enabled ? 1 : 0
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", aws_ecs_capacity_provider.gpu[0].name]
}

resource "aws_ecs_task_definition" "gpu" {
  count                    = var.gpu.enabled ? 1 : 0
  family                   = "${var.name}-gpu"
  requires_compatibilities = ["EC2"]
  network_mode             = "awsvpc"
  cpu                      = var.gpu.cpu
  memory                   = var.gpu.memory
  execution_role_arn       = aws_iam_role.start.arn
  task_role_arn            = aws_iam_role.server.arn
  tags                     = var.tags

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([merge(local.hardened, {
    name    = "server"
    image   = var.images.worker
    command = ["worldstrat", "serve", "--host", "0.0.0.0", "--port", "8000"]
    environment = [for name, value in merge(local.environment, {
      WORLDSTRAT_SR_RAY_ADDRESS = "local"
      WORLDSTRAT_SR_RAY_GPUS    = "0.5"
      WORLDSTRAT_SR_RAY_WORKERS = "2"
    }) : { name = name, value = value }]
    secrets              = local.server_secrets
    portMappings         = [{ containerPort = 8000, protocol = "tcp" }]
    mountPoints          = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    resourceRequirements = [{ type = "GPU", value = "1" }]
    linuxParameters      = merge(local.hardened.linuxParameters, { sharedMemorySize = 2048 })
    stopTimeout          = 90
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this["gpu"].name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "gpu"
        mode                  = "non-blocking"
      }
    }
  })])

  lifecycle {
    precondition {
      condition     = var.images.worker != null
      error_message = "gpu.enabled needs images.worker."
    }
  }
}

resource "aws_lb_target_group" "gpu" {
  count                = var.gpu.enabled ? 1 : 0
  name_prefix          = "wsgpu-"
  port                 = 8000
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = local.vpc_id
  deregistration_delay = 60
  tags                 = var.tags

  health_check {
    path     = "/readyz"
    matcher  = "200"
    interval = 10
    timeout  = 5
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener_rule" "gpu" {
  count        = var.gpu.enabled ? 1 : 0
  listener_arn = aws_lb_listener.http.arn
  priority     = 10
  tags         = var.tags

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gpu[0].arn
  }
  condition {
    path_pattern {
      values = ["/raster/collections/*/sr/*"]
    }
  }
}

resource "aws_ecs_service" "gpu" {
  count                              = var.gpu.enabled ? 1 : 0
  name                               = "gpu"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.gpu[0].arn
  desired_count                      = var.gpu.minimum
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  health_check_grace_period_seconds  = 300
  tags                               = var.tags

  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.gpu[0].name
    weight            = 1
  }
  network_configuration {
    subnets         = local.private_subnets
    security_groups = [aws_security_group.server.id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.gpu[0].arn
    container_name   = "server"
    container_port   = 8000
  }
  depends_on = [aws_ecs_cluster_capacity_providers.this, aws_lb_listener_rule.gpu]
}
