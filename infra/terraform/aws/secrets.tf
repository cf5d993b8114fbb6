# What addresses of assets and accepted terms are signed by: the same for all tasks, and in no state.

ephemeral "aws_secretsmanager_random_password" "signing" {
  password_length     = 48
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "signing" {
  name_prefix = "${var.name}-signing-"
  description = "WORLDSTRAT_SIGNING_SECRET"
  tags        = var.tags
}

resource "aws_secretsmanager_secret_version" "signing" {
  secret_id                = aws_secretsmanager_secret.signing.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.signing.random_password
  secret_string_wo_version = 1
}
