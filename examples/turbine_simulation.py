"""A wind turbine to try wind_turbine.py with: turbulent wind, a heavy rotor, pitch control.

    python turbine_simulation.py 5020

Whoever connects gets a line of JSON for each line that he sends. Now and then the speed sensor
fails and says null; now and then a gust drives the rotor over its speed. Needs nothing but Python.
"""

import argparse
import json
import math
import random
import socketserver
import threading
import time

# About a turbine of 3 MW.
RADIUS_M, INERTIA_KGM2, RATED_W, RATED_RAD_S = 56.0, 2.5e7, 3.0e6, 1.3
AIR_KGM3, BEST_TIP_SPEED = 1.225, 8.1
WIND_MS, TURBULENCE, TURBULENCE_S = 12.0, 0.10, 10.0
PITCH_MAX_DEG, PITCH_RATE_DEG_S, PITCH_P, PITCH_I = 30.0, 8.0, 160.0, 18.0
GUST_EVERY_S, GUST_S, GUST_MS = 90.0, 10.0, 8.0
FAILS_EVERY_S, FAILS_FOR_S = 60.0, 4.0
STEP_S = 0.05
LONGEST_S = 600  # nobody asked for so long: the rest is not made up for


def power_coefficient(tip_speed, pitch_deg):
    """How much of the wind's power the rotor takes (S. Heier, Grid Integration of Wind Energy)."""
    inverse = 1 / (tip_speed + 0.08 * pitch_deg) - 0.035 / (pitch_deg**3 + 1)
    form = 116 * inverse - 0.4 * pitch_deg - 5
    return max(0.0, 0.5176 * form * math.exp(-21 * inverse) + 0.0068 * tip_speed)


class Turbine:
    """The model, and what its controller says of it."""

    def __init__(self, seed=None):
        self.random = random.Random(seed)
        self.wind_ms, self.rotor_rad_s, self.pitch_deg, self.integral = WIND_MS, 1.2, 2.0, 2.0
        self.power_w = self.now_s = self.due_s = 0.0
        self.gust_s, self.failed_until_s = GUST_EVERY_S / 3, -1.0

    def advance(self, seconds):
        self.due_s += min(seconds, LONGEST_S)
        while self.due_s >= STEP_S:
            self.due_s -= STEP_S
            self.step()

    def step(self):
        self.now_s += STEP_S
        # Turbulence: an Ornstein-Uhlenbeck process about the mean wind.
        noise = self.random.gauss(0, 1) * math.sqrt(2 * STEP_S / TURBULENCE_S)
        change = (WIND_MS - self.wind_ms) * STEP_S / TURBULENCE_S
        self.wind_ms = max(3.0, self.wind_ms + change + TURBULENCE * WIND_MS * noise)
        wind_ms = self.wind_ms + self.gust_ms()
        # Inertia: the rotor takes up what the wind gives and the generator does not take.
        tip_speed = self.rotor_rad_s * RADIUS_M / wind_ms
        taken_w = 0.5 * AIR_KGM3 * math.pi * RADIUS_M**2 * wind_ms**3
        taken_w *= power_coefficient(tip_speed, self.pitch_deg)
        share = min(1.0, (self.rotor_rad_s / RATED_RAD_S) ** 3)
        self.power_w = RATED_W * share
        torque_nm = (taken_w - self.power_w) / self.rotor_rad_s
        self.rotor_rad_s = max(0.2, self.rotor_rad_s + torque_nm / INERTIA_KGM2 * STEP_S)
        # Pitch control: proportional and integral, as fast as the drives are.
        error = self.rotor_rad_s - RATED_RAD_S
        wished = self.integral + PITCH_P * error
        self.integral = min(PITCH_MAX_DEG, max(0.0, self.integral + PITCH_I * error * STEP_S))
        most = PITCH_RATE_DEG_S * STEP_S
        move = min(most, max(-most, wished - self.pitch_deg))
        self.pitch_deg = min(PITCH_MAX_DEG, max(0.0, self.pitch_deg + move))
        if self.random.random() < STEP_S / FAILS_EVERY_S:
            self.failed_until_s = self.now_s + FAILS_FOR_S

    def gust_ms(self):
        """A hat of wind, once in a while."""
        if self.now_s > self.gust_s + GUST_S:
            self.gust_s = self.now_s + GUST_EVERY_S * self.random.uniform(0.5, 1.5)
        part = (self.now_s - self.gust_s) / GUST_S
        return GUST_MS * math.sin(math.pi * part) ** 2 if 0 < part < 1 else 0.0

    def say(self):
        failed = self.now_s < self.failed_until_s
        speed = None if failed else round(self.rotor_rad_s * 60 / (2 * math.pi), 4)
        return {
            "rotor_speed": speed,
            "wind_speed": round(self.wind_ms + self.gust_ms(), 4),
            "pitch": round(self.pitch_deg, 3),
            "power": round(self.power_w / 1000, 2),
        }


class Controller(socketserver.ThreadingTCPServer):
    """Answers on *port* of this machine; *log* is a file for all that it said."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port, *, seed=None, speed_up=1.0, delay=0.0, log=None):
        super().__init__(("127.0.0.1", port), Answers)
        self.turbine, self.speed_up, self.delay, self.log = Turbine(seed), speed_up, delay, log
        self.lock, self.asked_s = threading.Lock(), time.monotonic()

    def answer(self):
        time.sleep(self.delay)
        with self.lock:
            now_s = time.monotonic()
            self.turbine.advance((now_s - self.asked_s) * self.speed_up)
            self.asked_s = now_s
            line = json.dumps(self.turbine.say()) + "\n"
            if self.log:
                self.log.write(line)
                self.log.flush()
            return line.encode()


class Answers(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline(80).endswith(b"\n"):
            self.wfile.write(self.server.answer())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--seed", type=int, help="the same wind each time")
    parser.add_argument("--speed-up", type=float, default=1.0, help="seconds in one second")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that an answer takes")
    parser.add_argument("--log", type=argparse.FileType("a"), help="file for all that it says")
    options = parser.parse_args()
    with Controller(**vars(options)) as controller:
        try:
            controller.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
