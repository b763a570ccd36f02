"""Five bodies that attract each other: floats in attributes."""

STEPS = 1_500_000
SECONDS = 0.002


class Body:
    """A point with a mass."""

    def __init__(self, name, mass, position, velocity):
        self.name = name
        self.mass = mass
        self.x, self.y, self.z = position
        self.vx, self.vy, self.vz = velocity

    def move(self, time):
        self.x += time * self.vx
        self.y += time * self.vy
        self.z += time * self.vz

    def kinetic(self):
        return 0.5 * self.mass * (self.vx * self.vx + self.vy * self.vy + self.vz * self.vz)


def attract(left, right, time):
    dx = left.x - right.x
    dy = left.y - right.y
    dz = left.z - right.z
    distance = dx * dx + dy * dy + dz * dz
    force = time / (distance * distance**0.5)
    push = right.mass * force
    left.vx -= dx * push
    left.vy -= dy * push
    left.vz -= dz * push
    pull = left.mass * force
    right.vx += dx * pull
    right.vy += dy * pull
    right.vz += dz * pull


def energy(bodies):
    total = 0.0
    for index, body in enumerate(bodies):
        total += body.kinetic()
        for other in bodies[index + 1 :]:
            dx, dy, dz = body.x - other.x, body.y - other.y, body.z - other.z
            total -= body.mass * other.mass / (dx * dx + dy * dy + dz * dz) ** 0.5
    return total


def simulate(bodies, steps, time):
    pairs = [(left, right) for index, left in enumerate(bodies) for right in bodies[index + 1 :]]
    for _ in range(steps):
        for left, right in pairs:
            attract(left, right, time)
        for body in bodies:
            body.move(time)


def main():
    bodies = [
        Body("star", 40.0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        Body("near", 0.03, (3.0, 0.5, -0.1), (-0.6, 3.4, 0.05)),
        Body("far", 0.012, (8.2, -3.9, 0.3), (0.9, 1.9, -0.02)),
        Body("icy", 0.0018, (12.6, -15.1, -0.2), (1.1, 0.9, -0.01)),
        Body("last", 0.002, (15.3, -25.9, 0.18), (0.95, 0.6, -0.035)),
    ]
    print(f"{energy(bodies):.12f}")
    simulate(bodies, STEPS // len(bodies), SECONDS)
    print(f"{energy(bodies):.12f}")
    for body in bodies:
        print(body.name, f"{body.x:.12f} {body.y:.12f} {body.z:.12f}")


if __name__ == "__main__":
    main()
