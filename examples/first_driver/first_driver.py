"""A driver for what Linux shows as files with a number in them: LEDs, pins, sensors."""

import math
from pathlib import Path

from jacquemart.drivers import contract
from jacquemart.drivers.contract import Bad, Quality


class FileDriver(contract.Driver):  # a link is a folder, a device a folder in it, a point a file
    blocking = True  # plain methods, which may take their time: the cell gives them a thread

    def open(self):
        self.root = Path(self.link.options["root"])
        if not self.root.is_dir():
            raise contract.LinkError(f"there is no folder {self.root}", where=self.link.id)

    def read(self, points):
        self.open()  # a folder that is gone is a link that is lost
        return [self.read_one(self.root / point.id) for point in points]

    def read_one(self, file):
        try:
            value = float(file.read_text())
        except (OSError, ValueError) as error:
            return Bad(Quality.BAD_VALUE if file.exists() else Quality.BAD_UNIT, str(error))
        return value if math.isfinite(value) else Bad(Quality.BAD_VALUE, f"{value} in {file}")

    def write(self, writes):
        self.open()
        return [self.write_one(self.root / point.id, value) for point, value in writes]

    def write_one(self, file, value):
        if not math.isfinite(value):
            return contract.DeviceRefused(f"{value} is no number", where=str(file))
        if not file.exists():
            return contract.UnitError("there is no such file", where=str(file))
        try:
            file.write_text(f"{value:.15g}\n")
        except OSError as error:  # on its way: who knows what the device made of it
            return contract.OutcomeUnknown(str(error), where=str(file))
