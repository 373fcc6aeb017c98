SELECT secret FROM installation
