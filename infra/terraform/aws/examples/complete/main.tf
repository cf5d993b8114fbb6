# Everything that the module knows, in a VPC of its own.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

variable "registry" {
  description = "Registry and path of the images, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/worldstrat"
  type        = string
}

variable "domain" {
  description = "Name of the server."
  type        = string
}

variable "certificate_arn" {
  description = "Its certificate, in us-east-1."
  type        = string
}

variable "write_token_arn" {
  description = "Secret with the token of those who may store super-resolved items."
  type        = string
}

module "worldstrat" {
  source = "../.."

  images = {
    server = "${var.registry}-server:0.1.0"
    ingest = "${var.registry}-ingest:0.1.0"
    worker = "${var.registry}-worker:0.1.0"
  }
  aliases         = [var.domain]
  certificate_arn = var.certificate_arn

  database = {
    instance_class = "db.m7g.large"
    multi_az       = true
  }
  server          = { cpu = 2048, memory = 6144, workers = 2, minimum = 2, maximum = 12 }
  server_writes   = true
  settings        = { WORLDSTRAT_SR_KEEP = "true", WORLDSTRAT_ASSETS_REDIRECT = "true" }
  secret_settings = { WORLDSTRAT_SR_WRITE_TOKEN = var.write_token_arn }
  gpu             = { enabled = true }
  tags            = { project = "worldstrat" }
}

output "url" {
  description = "Where the server is."
  value       = module.worldstrat.url
}

output "cloudfront_domain" {
  description = "What the DNS record of the domain has to name."
  value       = module.worldstrat.cloudfront_domain
}

output "run_job" {
  description = "Command that runs `worldstrat upgrade` once."
  value       = module.worldstrat.run_job
}
