"""The alarms of the traffic-light SXL, 1.1.0 to 1.2.1 (RSMP Nordic).

The notation is that of ``sxl``: a code, its kind of component, what else it has, its arguments.
"""

from __future__ import annotations

from typing import Final

ALARMS: Final = """\
A0001 tlc 2 D
A0002 tlc 3 D
A0003 tlc 2 D
A0004 tlc 3 D
A0005 tlc 3 D
A0006 tlc 2 D
A0007 tlc 3 D protocol:string=rsmp/ntp
A0008 group 2 D timeplan:integer=1..255
A0009 tlc 3 D
A0010 tlc 3 D
A0101 group 3 D
A0201 group 2 D color:string=red/yellow/green
A0202 group 3 D color:string=red/yellow/green
A0301 detector 3 D detector:string type:string=loop/input errormode:string=on/off manual:boolean
A0302 detector 3 D detector:string type:string=loop/input errormode:string=on/off manual:boolean
    logicerror:string=always_off/always_on/intermittent
A0303 detector 2 D detector:string type:string=loop/input errormode:string=on/off manual:boolean
A0304 detector 2 D detector:string type:string=loop/input errormode:string=on/off manual:boolean
    logicerror:string=always_off/always_on/intermittent
"""
