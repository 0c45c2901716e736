/** Camera and microphone of a page: what the person wants of them, what runs, and what is said when one does not. */
export { Devices, type Asked, type DevicesOptions } from "./devices.ts";
export type { MediaPort, PermissionPort } from "./browser.ts";
export {
  asked,
  button,
  isAwaited,
  selected,
  sent,
  tracks,
  type Button,
  type Cause,
  type Device,
  type DeviceModel,
  type DevicesModel,
  type Failure,
  type Kind,
  type Opened,
  type Remembered,
  type Trouble,
} from "./model.ts";
