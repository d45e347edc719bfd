"""The commands of the traffic-light SXL, 1.1.0 to 1.2.1 (RSMP Nordic).

The notation is that of ``sxl``: a code, its kind of component, what else it has, its arguments.
"""

from __future__ import annotations

from typing import Final

COMMANDS: Final = """\
M0001 tlc setValue status:string=NormalControl/YellowFlash/Dark securityCode:string
    timeout:integer=0..1440 intersection:integer=0..255
M0002 tlc setPlan status:boolean securityCode:string timeplan:integer=0..255
M0003 tlc setTrafficSituation status:boolean securityCode:string traficsituation:integer=0..255
M0004 tlc setRestart status:boolean securityCode:string
M0005 tlc setEmergency status:boolean securityCode:string emergencyroute:integer=1..255
M0006 tlc setInput status:boolean securityCode:string input:integer=1..255
M0007 tlc setFixedTime status:boolean securityCode:string
M0008 detector setForceDetectorLogic status:boolean securityCode:string mode:boolean
M0010 group setStart status:boolean securityCode:string
M0011 group setStop status:boolean securityCode:string
M0012 tlc setStart status:string securityCode:string
M0013 tlc setInput status:string securityCode:string
M0014 tlc setCommands plan:integer=0..255 status:string securityCode:string
M0015 tlc setOffset status:integer=0..255 plan:integer=0..255 securityCode:string
M0016 tlc setWeekTable status:string securityCode:string
M0017 tlc setTimeTable status:string securityCode:string
M0018 tlc setCycleTime status:integer=1..255 plan:integer=0..255 securityCode:string
M0019 tlc setInput status:boolean securityCode:string input:integer=1..255 inputValue:boolean
M0020 tlc setOutput status:boolean securityCode:string output:integer=1..255 outputValue:boolean
M0021 tlc setLevel status:string securityCode:string
M0022 tlc requestPriority requestId:string signalGroupId:string? inputId:integer=0..255?
    connectionId:integer=0..255? approachId:integer=0..16? laneInId:integer=0..255?
    laneOutId:integer=0..255? priorityId:integer=0..255? type:string=new/update/cancel
    level:integer=0..14 eta:integer=0..255?
    vehicleType:string=vehicle?
M0023 tlc setTimeout status:integer=0..65535 securityCode:string
M0103 tlc setSecurityCode status:string=Level1/Level2 oldSecurityCode:string
    newSecurityCode:string
M0104 tlc setDate securityCode:string year:integer=0..9999 month:integer=1..12 day:integer=1..31
    hour:integer=0..23 minute:integer=0..59 second:integer=0..59
"""
