# scripts/build knows what the binary is made of, and leaves it alone when nothing has changed.
.PHONY: lisod test clean

lisod:
	./scripts/build

test:
	./scripts/test

clean:
	./scripts/clean
