"""Regions, URLs and modes of external services that component code offers in its fields."""

from __future__ import annotations

DEFAULT_ANTHROPIC_API_URL = "https://api.anthropic.com"
AWS_REGIONS = [
    "us-west-2",
    "us-west-1",
    "us-gov-west-1",
    "us-gov-east-1",
    "us-east-2",
    "us-east-1",
    "sa-east-1",
    "me-south-1",
    "me-central-1",
    "il-central-1",
    "eu-west-3",
    "eu-west-2",
    "eu-west-1",
    "eu-south-2",
    "eu-south-1",
    "eu-north-1",
    "eu-central-2",
    "eu-central-1",
    "cn-northwest-1",
    "cn-north-1",
    "ca-west-1",
    "ca-central-1",
    "ap-southeast-5",
    "ap-southeast-4",
    "ap-southeast-3",
    "ap-southeast-2",
    "ap-southeast-1",
    "ap-south-2",
    "ap-south-1",
    "ap-northeast-3",
    "ap-northeast-2",
    "ap-northeast-1",
    "ap-east-1",
    "af-south-1",
]
IBM_WATSONX_URLS = [
    "https://us-south.ml.cloud.ibm.com",
    "https://eu-de.ml.cloud.ibm.com",
    "https://eu-gb.ml.cloud.ibm.com",
    "https://au-syd.ml.cloud.ibm.com",
    "https://jp-tok.ml.cloud.ibm.com",
    "https://ca-tor.ml.cloud.ibm.com",
]
SPIDER_MODES = ["scrape", "crawl"]
