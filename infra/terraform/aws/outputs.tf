output "url" {
  description = "Where the server is."
  value       = "https://${length(var.aliases) > 0 ? var.aliases[0] : aws_cloudfront_distribution.this.domain_name}"
}

output "cloudfront_domain" {
  description = "What the aliases' DNS records have to name."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "bucket" {
  description = "Bucket of the objects."
  value       = aws_s3_bucket.objects.bucket
}

output "database_address" {
  description = "Address of the PostgreSQL within the VPC."
  value       = aws_db_instance.this.address
}

output "database_secret_arn" {
  description = "Secret with the database's password."
  value       = aws_secretsmanager_secret.database.arn
}

output "run_job" {
  description = "Command that runs `worldstrat upgrade` once; with --overrides any other command of the image `ingest`."
  value = join(" ", [
    "aws ecs run-task --launch-type FARGATE",
    "--cluster ${aws_ecs_cluster.this.name}",
    "--task-definition ${aws_ecs_task_definition.jobs.family}",
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", local.private_subnets)}],securityGroups=[${aws_security_group.jobs.id}]}'",
  ])
}
