"""A program that runs a city: what the clean-stop tests end in every way there is."""

from __future__ import annotations

import json
import os
import sys
import time

from scene import OPTIONS

from jacquemart.runtime.cluster import City


def main() -> None:
    """Start the city of argv[1], tell what it is, and stay."""
    try:
        with City(sys.argv[1], options=OPTIONS) as city:
            child = os.fork()  # it holds every descriptor open: that must not keep the city alive
            if child == 0:
                os.setsid()
                time.sleep(120)
                os._exit(0)
            told = {
                "warden": city.warden_pid,
                "private_dir": str(city.private_dir),
                "cells": city.cells,
                "child": child,
            }
            print(json.dumps(told), flush=True)
            while not city.wait(0.5):
                pass
            print(json.dumps({"failure": str(city.failure)}), flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        print(json.dumps({"interrupted": True}), flush=True)


if __name__ == "__main__":
    main()
