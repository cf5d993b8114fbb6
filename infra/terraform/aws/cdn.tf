# CloudFront keeps what the server's Cache-Control lets it keep, and nothing else: tiles for ten minutes, objects for a
# year. It reaches the load balancer inside the VPC, so there is no way around it.

resource "aws_cloudfront_vpc_origin" "this" {
  vpc_origin_endpoint_config {
    name                   = var.name
    arn                    = aws_lb.this.arn
    http_port              = 80
    https_port             = 443
    origin_protocol_policy = "http-only"
    origin_ssl_protocols {
      items    = ["TLSv1.2"]
      quantity = 1
    }
  }
  tags = var.tags
}

# An answer depends on the whole query, on who asks (Authorization, X-API-Key), on the terms that were accepted, on the
# format (Accept), and on the address, which is in its links.
resource "aws_cloudfront_cache_policy" "this" {
  name        = var.name
  comment     = "As the server's own Cache-Control and Vary say"
  min_ttl     = 0
  default_ttl = 0
  max_ttl     = 31536000

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true
    cookies_config {
      cookie_behavior = "whitelist"
      cookies {
        items = ["worldstrat_terms"]
      }
    }
    headers_config {
      header_behavior = "whitelist"
      headers {
        items = ["Accept", "Authorization", "Host", "Origin", "Worldstrat-Terms", "X-API-Key"]
      }
    }
    query_strings_config {
      query_string_behavior = "all"
    }
  }
}

# The server believes what a proxy says of its address. A caller could say it too, and have the answer kept for others.
resource "aws_cloudfront_origin_request_policy" "this" {
  name    = var.name
  comment = "Everything but what only a proxy may say"
  cookies_config {
    cookie_behavior = "none"
  }
  headers_config {
    header_behavior = "allExcept"
    headers {
      items = ["Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto"]
    }
  }
  query_strings_config {
    query_string_behavior = "all"
  }
}

resource "aws_cloudfront_distribution" "this" {
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  comment         = var.name
  aliases         = var.aliases
  price_class     = var.price_class
  web_acl_id      = var.web_acl_arn
  tags            = var.tags

  origin {
    origin_id   = "server"
    domain_name = aws_lb.this.dns_name
    vpc_origin_config {
      vpc_origin_id            = aws_cloudfront_vpc_origin.this.id
      origin_read_timeout      = 60
      origin_keepalive_timeout = 5
    }
    # The load balancer says http, which is what it was asked by; the reader's address is https.
    custom_header {
      name  = "Forwarded"
      value = length(var.aliases) > 0 ? "proto=https;host=${var.aliases[0]}" : "proto=https"
    }
  }

  default_cache_behavior {
    target_origin_id         = "server"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = true
    cache_policy_id          = aws_cloudfront_cache_policy.this.id
    origin_request_policy_id = aws_cloudfront_origin_request_policy.this.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn            = var.certificate_arn
    cloudfront_default_certificate = var.certificate_arn == null
    minimum_protocol_version       = var.certificate_arn == null ? null : "TLSv1.2_2021"
    ssl_support_method             = var.certificate_arn == null ? null : "sni-only"
  }

  lifecycle {
    precondition {
      condition     = length(var.aliases) == 0 || var.certificate_arn != null
      error_message = "Aliases need a certificate: set certificate_arn."
    }
  }
}
