import json
import os
import platform
import sys


def full(info):
    """As PEP 508 says it."""
    version = f"{info.major}.{info.minor}.{info.micro}"
    return version if info.releaselevel == "final" else f"{version}{info.releaselevel[0]}{info.serial}"


print(
    json.dumps(
        {
            "implementation_name": sys.implementation.name,
            "implementation_version": full(sys.implementation.version),
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "python_version": ".".join(platform.python_version_tuple()[:2]),
            "sys_platform": sys.platform,
        }
    )
)
