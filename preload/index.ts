import { contextBridge } from 'electron';

contextBridge.exposeInMainWorld('switchyard', { platform: process.platform });
