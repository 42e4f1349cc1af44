/** The page that a Bitrix24 portal shows in its frames: reads what the server has written into it, and begins. */

import { readBoot } from "../shared/frame/boot";
import { start } from "./frame";
import { portalOf } from "./portal";

const place = document.getElementById("frame");
const boot = document.getElementById("boot");
if (place && boot) void start(readBoot(boot.textContent ?? ""), portalOf(window.BX24), place);
