"""The surroundings of the AWS CLI: this interpreter's `aws`, one server with its credential, nothing of the user's."""

import os
import pathlib
import sys


def aws_environment(server):
    """Environment variables with which `aws` talks to the server and to nothing else."""
    return {
        "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "AWS_ENDPOINT_URL": server.control,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
        "PAGER": "cat",
        "NO_PROXY": "127.0.0.1",
    }
