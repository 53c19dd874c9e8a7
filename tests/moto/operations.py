"""Prints the operations that moto answers, for tests/docs.rs: a JSON object of service and names.

The services are named as requests are signed. moto dispatches an operation to the method of its name, in snake case, of
the service's response class (moto/core/responses.py, BaseResponse.call_action); the names are botocore's.
"""

import importlib
import inspect
import json
import sys

import boto3
from moto.backends import get_service_from_url
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores

REGION = "eu-west-1"


def response_classes(service):
    package = get_service_from_url(f"https://{service}.{REGION}.amazonaws.com")
    module = importlib.import_module(f"moto.{package}.responses")
    for _, found in inspect.getmembers(module, inspect.isclass):
        if issubclass(found, BaseResponse) and found is not BaseResponse:
            yield found


def answered(service, client):
    names = boto3.client(client, region_name=REGION).meta.service_model.operation_names
    classes = list(response_classes(service))

    def has_method(name):
        method = camelcase_to_underscores(name)
        return any(hasattr(found, method) and not hasattr(BaseResponse, method) for found in classes)

    return sorted(name for name in names if has_method(name))


# What botocore calls a service, where requests to it are signed with another name.
CLIENTS = {"monitoring": "cloudwatch", "servicequotas": "service-quotas"}


def main():
    services = sys.argv[1:]
    print(json.dumps({service: answered(service, CLIENTS.get(service, service)) for service in services}))


main()
