# What somebody has to know: the server fails or is slow, the database fills up or is busy.

locals {
  balancer = { LoadBalancer = aws_lb.this.arn_suffix }
  instance = { DBInstanceIdentifier = aws_db_instance.this.identifier }
  alarms = {
    server-errors = {
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.balancer
      statistic = "Sum", above = true, threshold = 20, periods = 5, text = "The server answered 20 requests a minute with 5xx."
    }
    balancer-errors = {
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.balancer
      statistic = "Sum", above = true, threshold = 5, periods = 5, text = "Requests reach no server."
    }
    slow = {
      namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.balancer
      statistic = "p95", above = true, threshold = 2, periods = 10, text = "One request in twenty takes more than 2 s."
    }
    database-cpu = {
      namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.instance
      statistic = "Average", above = true, threshold = 80, periods = 15, text = "The database is busy."
    }
    database-storage = {
      namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.instance
      statistic = "Minimum", above = false, threshold = 2147483648, periods = 5, text = "The database has less than 2 GB left."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = each.value.above ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topics
  ok_actions          = var.alarm_topics
  tags                = var.tags
}
