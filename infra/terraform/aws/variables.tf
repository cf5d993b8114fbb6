variable "name" {
  description = "Name of everything that is made, and first part of the bucket's."
  type        = string
  default     = "worldstrat"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name is 3 to 22 lower-case letters, digits and hyphens, and begins with a letter."
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}

variable "images" {
  description = "Addresses of the images `server`, `ingest` and, for a GPU, `worker`; with a tag other than latest, or a digest."
  type = object({
    server = string
    ingest = string
    worker = optional(string)
  })
  validation {
    condition     = alltrue([for image in values(var.images) : image == null ? true : can(regex("(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$", image)) && !endswith(image, ":latest")])
    error_message = "Each image ends with a tag (not latest) or a digest."
  }
}

variable "vpc" {
  description = "A VPC that is there: its id, and two or more private subnets in different zones, from which images, logs and secrets can be reached. Without one a VPC is made."
  type = object({
    id                 = string
    private_subnet_ids = list(string)
  })
  default = null
  validation {
    condition     = var.vpc == null ? true : length(var.vpc.private_subnet_ids) >= 2
    error_message = "RDS and the load balancer need private subnets in two zones."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made."
  type        = string
  default     = "10.40.0.0/16"
  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 8, 3))
    error_message = "vpc_cidr is a range such as 10.40.0.0/16, of /20 or larger."
  }
}

variable "aliases" {
  description = "Names under which the server is reached; the first is the one of its links. CloudFront's own name where there are none."
  type        = list(string)
  default     = []
}

variable "certificate_arn" {
  description = "Certificate of the aliases, in us-east-1."
  type        = string
  default     = null
  validation {
    condition     = var.certificate_arn == null ? true : can(regex("^arn:aws[a-z-]*:acm:us-east-1:", var.certificate_arn))
    error_message = "CloudFront takes certificates of us-east-1 only."
  }
}

variable "price_class" {
  description = "Where CloudFront answers from."
  type        = string
  default     = "PriceClass_100"
  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class is PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "web_acl_arn" {
  description = "A web ACL of WAF, of scope CLOUDFRONT."
  type        = string
  default     = null
}

variable "database" {
  description = "Class, storage and care of the PostgreSQL."
  type = object({
    instance_class        = optional(string, "db.t4g.medium")
    engine_version        = optional(string, "16.9")
    allocated_storage     = optional(number, 20)
    max_allocated_storage = optional(number, 200)
    multi_az              = optional(bool, false)
    backup_days           = optional(number, 14)
    password_version      = optional(number, 1)
    deletion_protection   = optional(bool, true)
  })
  default = {}
  validation {
    condition     = var.database.allocated_storage >= 20 && var.database.max_allocated_storage > var.database.allocated_storage
    error_message = "allocated_storage is 20 GB or more, and max_allocated_storage more than that."
  }
  validation {
    condition     = var.database.backup_days >= 1 && var.database.backup_days <= 35
    error_message = "RDS keeps backups for 1 to 35 days."
  }
}

variable "bucket" {
  description = "Days that replaced or removed objects are kept; whether the bucket may be destroyed with objects in it."
  type = object({
    noncurrent_days = optional(number, 30)
    force_destroy   = optional(bool, false)
  })
  default = {}
}

variable "server" {
  description = "Size and number of the web server's tasks. 1024 units of CPU are one core; a process of the server takes one, and up to 1.5 GB."
  type = object({
    cpu     = optional(number, 1024)
    memory  = optional(number, 3072)
    workers = optional(number, 1)
    minimum = optional(number, 2)
    maximum = optional(number, 8)
  })
  default = {}
  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.server.cpu)
    error_message = "server.cpu is one of Fargate's sizes: 256, 512, 1024, 2048, 4096, 8192, 16384."
  }
  validation {
    condition     = var.server.minimum >= 1 && var.server.maximum >= var.server.minimum
    error_message = "server.minimum is at least 1 and at most server.maximum."
  }
}

variable "settings" {
  description = "WORLDSTRAT_... variables of the server (docs: reference/settings)."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^(WORLDSTRAT|OTEL)_[A-Z0-9_]+$", name)) && !can(regex("(TOKEN|SECRET|PASSWORD|ACCESS_KEY|API_KEYS?)$", name))])
    error_message = "settings are named WORLDSTRAT_... or OTEL_...; secrets belong into secret_settings."
  }
}

variable "secret_settings" {
  description = "The same for secrets: the ARN of the Secrets Manager secret that holds the value."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for arn in values(var.secret_settings) : can(regex("^arn:aws[a-z-]*:secretsmanager:", arn))])
    error_message = "secret_settings are ARNs of secrets in Secrets Manager, not the secrets."
  }
}

variable "server_writes" {
  description = "Let the server write to the bucket: where WORLDSTRAT_SR_KEEP or WORLDSTRAT_SR_WRITE_TOKEN is set."
  type        = bool
  default     = false
}

variable "ingest" {
  description = "Size of the task that `worldstrat ingest` runs in, and buckets that it may read."
  type = object({
    cpu            = optional(number, 4096)
    memory         = optional(number, 8192)
    storage        = optional(number, 100)
    source_buckets = optional(list(string), [])
  })
  default = {}
  validation {
    condition     = var.ingest.storage >= 21 && var.ingest.storage <= 200
    error_message = "Fargate gives 21 to 200 GB of storage."
  }
}

variable "gpu" {
  description = "Instances with a GPU that answer requests below /sr/; none unless enabled, and the server computes by itself."
  type = object({
    enabled       = optional(bool, false)
    instance_type = optional(string, "g4dn.xlarge")
    minimum       = optional(number, 1)
    maximum       = optional(number, 4)
    cpu           = optional(number, 3072)
    memory        = optional(number, 12288)
  })
  default = {}
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365], var.log_days)
    error_message = "log_days is one of CloudWatch's periods: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365."
  }
}

variable "alarm_topics" {
  description = "ARNs of the SNS topics that alarms are sent to."
  type        = list(string)
  default     = []
}
